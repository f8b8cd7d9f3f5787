/* SPDX-License-Identifier: MIT */
/*
 * New TTLs for many keys that stay what they are.
 *
 *	names -> one script: PTTL, and PEXPIRE or PERSIST where the TTL is one that is to be changed
 *
 * A TTL is one as shown: in a namespace with stale_for the key ends so much later. What is stale
 * there already stays as it is, because a longer TTL would make it fresh again.
 */
#ifndef CW_CACHE_TTL_CHANGE_H
#define CW_CACHE_TTL_CHANGE_H

#include "cache/cache.h"

/* Names of one command. It holds up Redis's other clients for a fraction of a millisecond. */
enum { TTL_CHANGE_MAX = 200 };

/* A zeroed one changes nothing. */
struct ttl_change {
	/* Which keys: those that never expire; these, and those with a longer TTL; all. */
	enum { TTL_CHANGE_NONE, TTL_CHANGE_PERSISTENT, TTL_CHANGE_LONGER, TTL_CHANGE_ALL } only;
	int64_t ttl_ms;	  /* -1 = no expiry */
	bool spread;	  /* at random until `until_ms`, whatever ttl_ms is */
	int64_t until_ms; /* monotonic */
	double jitter;	  /* else up to so much of it longer or shorter, 0 to 1 */
	uint64_t random;  /* the state for both; a seed */
	bool look;	  /* nothing is changed; counted is what would be */
};

/* Adds one command for up to TTL_CHANGE_MAX names, for one over slots. */
void ttl_change_add(const struct cache *cache, struct redis_batch *batch, const struct slice *names,
	size_t count, struct ttl_change *change);
/* From its reply: how many keys were there, and how many were changed, or would be. */
enum error ttl_change_counts(const struct redis_value *reply, size_t count, uint64_t *ret_there,
	uint64_t *ret_changed, struct fault *fault);
/* Of a look: how many of the keys that would be changed the reply names, and their names. */
size_t ttl_change_names(const struct redis_value *reply);
struct slice ttl_change_name(const struct redis_value *reply, size_t i);

#endif
