/* SPDX-License-Identifier: MIT */
/*
 * Stored dependencies: dependents of a key that applications declare at run time.
 *
 *	cw:dep:<key>    SET of dependents, with an expiry that each write renews
 *	cw:gone:<key>   since when the pruner has found nothing of it: see prune_dependency.c
 *
 * They hold together with the rules of the configuration. A set of which nothing is left, neither
 * its key nor any dependent, is pruned (cache/pruner.h); one without expiry stays until it is
 * deleted.
 *
 * The caller has checked the names (cache/guard.h).
 */
#ifndef CW_CACHE_DEPENDENCY_STORE_H
#define CW_CACHE_DEPENDENCY_STORE_H

#include "cache/cache.h"

enum {
	DEPENDENCY_MAX_NAMES = 1000,	/* of one call */
	DEPENDENCY_MAX_MEMBERS = 10000, /* of one set */
	DEPENDENCY_TTL_S = 604800,	/* unless told: 7 days */
};

struct dependency_change {
	struct slice key;
	const struct slice *add, *remove;
	size_t add_count, remove_count;
	bool replace;	/* `add` is all there is from now on */
	int64_t ttl_ms; /* > 0; -1 = no expiry */
};

/*
 * *ret_count: the members that the set has now. ERR_TOO_LARGE, and nothing is changed, where they
 * would be more than DEPENDENCY_MAX_MEMBERS; ERR_WRONG_TYPE where the key of the set is none.
 * Parks.
 */
enum error dependency_write(struct cache *cache, const struct dependency_change *change,
	size_t *ret_count, struct fault *fault);
/* *ret: it was there. Parks. */
enum error dependency_remove(struct cache *cache, struct slice key, bool *ret, struct fault *fault);

/* What is stored for one key; the reply, an array of names in any order, is the caller's. */
struct dependency_stored {
	struct redis_value *members;
	int64_t ttl_ms; /* -1 = no expiry, -2 = nothing is stored */
};
/* At most `most` members, all of them where there are no more. ERR_WRONG_TYPE. Parks. */
enum error dependency_read(struct cache *cache, struct slice key, size_t most,
	struct dependency_stored *ret, struct fault *fault);

typedef void dependency_take(void *context, struct slice member);
/* What is stored for many keys, read in one pipeline; only of large sets a part waits. */
struct dependency_sets;
/* The names must outlive it. Parks. */
enum error dependency_sets_read(struct cache *cache, const struct slice *keys, size_t count,
	struct dependency_sets **ret, struct fault *fault);
void dependency_sets_free(struct dependency_sets *sets); /* may be NULL */
/*
 * Gives the members of keys[i]'s set to `take`, at most DEPENDENCY_MAX_MEMBERS; *ret_all is false
 * where there are more. ERR_WRONG_TYPE where it is not a set. Parks where the set is large.
 */
enum error dependency_sets_visit(struct dependency_sets *sets, size_t i, dependency_take *take,
	void *context, bool *ret_all, struct fault *fault);

/* Appends the key of the pruner's mark, which each write takes away; it is beside the set. */
void dependency_mark(const struct cache *cache, struct slice key, struct buf *out);
/* Appends the key of a set. */
void dependency_key(const struct cache *cache, struct slice key, struct buf *out);

#endif
