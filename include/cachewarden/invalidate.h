/* SPDX-License-Identifier: MIT */
/* Tags, and invalidation by every selector. */
#ifndef CACHEWARDEN_INVALIDATE_H
#define CACHEWARDEN_INVALIDATE_H

#include <cachewarden/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Puts keys that others stored under tags. *ret_tagged (may be NULL) counts those that are there;
 * absent ones are left out.
 */
CW_API enum cw_status cw_tag(struct cw_cache *cache, struct cw_list tags, struct cw_list keys,
	size_t *ret_tagged, struct cw_error *error);

/* Ids of one entity of the configuration. */
struct cw_entity {
	const char *name;
	struct cw_list ids;
};

/* What is to go. A zeroed one selects nothing, which is refused. */
struct cw_invalidation {
	struct cw_list keys;	 /* exact names */
	struct cw_list patterns; /* Redis's globs: a paced pass over all keys */
	struct cw_list tags;	 /* what was stored or put under them */
	struct cw_list dependents_of;
	const struct cw_entity *entities;
	size_t entity_count;
	bool no_cascade;     /* what depends on the named keys stays */
	bool dry_run;	     /* counts, and removes nothing */
	bool soft;	     /* makes stale instead of removing, in namespaces with stale_for */
	int64_t max_keys;    /* 0 = as the configuration says */
	const char *confirm; /* of struct cw_invalidated; NULL = none */
	const char *note;    /* why, for the record; NULL = none */
	int64_t timeout_ms;  /* 0 = 30 minutes. Then it is ended, incomplete */
};

/* What it came to. A plain value. */
struct cw_invalidated {
	bool complete;
	char reason[32]; /* why it is not complete, such as "max_keys"; else "" */
	uint64_t matched, invalidated, softened, protected_skipped;
	char confirm[64]; /* a dry run's: the same selectors may go, within five minutes; else "" */
};

/*
 * Logged before the first deletion, so that no load that began earlier stores an older value.
 * CW_INCOMPLETE, CW_CONFIRMATION_REQUIRED (`matched` is then a least) and CW_TIMEOUT fill *ret,
 * too, which may be NULL.
 */
CW_API enum cw_status cw_invalidate(struct cw_cache *cache, const struct cw_invalidation *what,
	struct cw_invalidated *ret, struct cw_error *error);

/* Changes the truth that cached values were made from: true = it was changed. */
typedef bool cw_change(void *context);
/*
 * Runs the change, which may call the library, and invalidates `what` only if it returned true;
 * else CW_CALLBACK_FAILED. `what` is read afterwards, so that the change may fill it. Any other
 * error is the invalidation's: the change has been made, and what is cached may be older.
 */
CW_API enum cw_status cw_invalidating(struct cw_cache *cache, cw_change *change, void *context,
	const struct cw_invalidation *what, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
