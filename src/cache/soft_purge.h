/* SPDX-License-Identifier: MIT */
/*
 * Soft purge: a value becomes stale instead of going away.
 *
 *	PEXPIRE key stale_for		unless it has less left already
 *	SET cw:soft:{0}:<key> PX <what it has left then>
 *
 * In a namespace with stale_for a value is stale once its PTTL is at most stale_for. The mark makes
 * it stale for readers that know another stale_for, or none: a value is softly purged while it and
 * its mark end at the same time. A SET or EXPIRE by another client moves the value's end and so
 * takes the mark away from it; our own writes delete the mark. It costs about 150 bytes a key until
 * the value ends.
 */
#ifndef CW_CACHE_SOFT_PURGE_H
#define CW_CACHE_SOFT_PURGE_H

#include "cache/cache.h"

enum soft_purge_outcome {
	SOFT_PURGE_ABSENT,
	SOFT_PURGE_CHANGED, /* it is stale from now on */
	SOFT_PURGE_KEPT,    /* it was stale already */
	SOFT_PURGE_REMOVED, /* Redis had no memory for the mark */
};

/* What may lie between the two PTTLs of one purge: the commands that ask are not one. */
enum { SOFT_PURGE_SKEW_MS = 250 };
#define SOFT_PURGE_SKEW_LUA "250"

/* Appends the name of the key's mark. */
void soft_purge_key(const struct cache *cache, struct slice key, struct buf *out);
/* Whether a value of this PTTL is softly purged, by the PTTL of its mark (-2 = none). Pure. */
bool soft_purge_marked(int64_t pttl_ms, int64_t mark_pttl_ms);

/* Adds the one command. stale_for_ms > 0. Its reply is for soft_purge_outcome(). */
void soft_purge_add(const struct cache *cache, struct redis_batch *batch, struct slice key,
	int64_t stale_for_ms);
enum error soft_purge_outcome(
	const struct redis_value *reply, enum soft_purge_outcome *ret, struct fault *fault);

#endif
