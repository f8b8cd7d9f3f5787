/* SPDX-License-Identifier: MIT */
/* What the files of results share: waiting for a load. */
#ifndef CW_CACHE_RESULT_INTERNAL_H
#define CW_CACHE_RESULT_INTERNAL_H

#include "cache/result.h"

/*
 * Waits until the key's lease may have ended: told by the load in this process, or found out by
 * the one waiter that polls Redis. ERR_OVERLOADED past RESULT_MAX_WAITERS,
 * ERR_TIMEOUT, ERR_CANCELLED, why Redis could not be asked, or the error that the load has ended
 * with. `holder`: the token of the lease that was found taken. Parks.
 */
enum error results_wait(struct cache *cache, struct slice key, const char *holder, int64_t deadline,
	struct fault *fault);
/* All waiters of the key look again, or get that error where `failed` is not NULL. */
void results_wake(struct cache *cache, struct slice key, const struct fault *failed);
/* 0 < x < 1, each as likely. */
double results_random(struct cache *cache);

#endif
