/* SPDX-License-Identifier: MIT */
/*
 * The pruner removes keys that no longer exist from our sets, slowly and for all daemons:
 *
 *	cw:prune (a lock: one daemon at a time, at most once per cache.prune_every)
 *	  -> SCAN, 50,000 keys a second at most -> each set of ours -> 5,000 members a second
 *	  -> cw:tags:{0} (names and sizes, for any daemon to tell), metrics
 *
 * The first walk begins one cache.prune_every after the start.
 */
#ifndef CW_CACHE_PRUNER_H
#define CW_CACHE_PRUNER_H

#include "cache/cache.h"

struct pruner;

struct pruner *pruner_new(struct cache *cache);
/* Begins; a daemon does, a library's handle does not. */
void pruner_start(struct pruner *pruner);
/* Parks. */
void pruner_stop(struct pruner *pruner, int64_t deadline);
/* It has stopped, or was never started. May be NULL. */
void pruner_free(struct pruner *pruner);

#endif
