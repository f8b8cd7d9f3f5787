/* SPDX-License-Identifier: MIT */
/*
 * What runs have stored, could not learn to be fresh, and could not take back, because Redis was
 * away: it is taken back once Redis answers again.
 *
 *	window: the log was not heard, UNLINK failed -> undo_add -> Redis is up -> UNLINK
 *
 * Where STATE_DIRECTORY names a folder the names stand in a file of it until then, and the next
 *start takes them back (undo_file.h); elsewhere a process that ends before Redis is back leaves the
 *keys to their TTL.
 */
#ifndef CW_WARM_UNDO_H
#define CW_WARM_UNDO_H

#include "cache/cache.h"

struct undo;

/* All are borrowed. Begins with what an earlier process left. */
struct undo *undo_new(struct cache *cache, struct log *log);
/* What is left stays in Redis, and the log says how much that is. Parks. */
void undo_stop(struct undo *undo);
/* It has been stopped. NULL is welcome. */
void undo_free(struct undo *undo);

/* Copies the names. Past 4 MiB of them the log says that the others stay in Redis. */
void undo_add(struct undo *undo, const struct slice *keys, size_t count);
/*
 * Until nothing is left, so that what is stored from now on is not taken back: OK, ERR_TIMEOUT or
 * ERR_CANCELLED. Parks.
 */
enum error undo_wait(struct undo *undo, int64_t deadline);

#endif
