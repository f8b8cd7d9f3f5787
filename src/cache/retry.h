/* SPDX-License-Identifier: MIT */
/* When a step that failed is worth taking again, and the wait before it. */
#ifndef CW_CACHE_RETRY_H
#define CW_CACHE_RETRY_H

#include "cache/cache.h"

/* An old server, or one with renamed commands, does not know the command (UNLINK: try DEL). */
bool retry_unknown_command(enum error error, const struct fault *fault);
/*
 * Gives the connection up to 5 s to come back, or until enough(context), which may be NULL, says
 * that nobody waits any more. OK in either case; ERR_CANCELLED. Parks.
 */
enum error retry_await_redis(
	struct cache *cache, bool (*enough)(const void *context), const void *context);

#endif
