/* SPDX-License-Identifier: MIT */
/* Tags, and invalidation by keys, patterns, tags, entities and dependencies. */
#ifndef CACHEWARDEN_INVALIDATE_H
#define CACHEWARDEN_INVALIDATE_H

#include <cachewarden/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Adds tags to keys that exist: 1 to 100 tags, 1 to 1,000 keys. *ret_tagged (may
 * be NULL): how many of the keys exist; the others are ignored.
 */
CW_API enum cw_status cw_tag(struct cw_cache *cache, struct cw_list tags, struct cw_list keys,
	size_t *ret_tagged, struct cw_error *error);

/* Ids of one entity of the configuration; at most 1,000. */
struct cw_entity {
	const char *name;
	struct cw_list ids;
};

/* What to invalidate: one selector at least; at most 100 tags, and 1,000 of each other kind. */
struct cw_invalidation {
	struct cw_list keys;	      /* exact names */
	struct cw_list patterns;      /* globs as of Redis: a paced pass over all keys */
	struct cw_list tags;	      /* all keys that have one of them */
	struct cw_list dependents_of; /* what depends on these keys, not the keys */
	const struct cw_entity *entities;
	size_t entity_count;
	bool no_cascade; /* keys that depend on the named ones are kept */
	bool dry_run;	 /* only counts */
	bool soft; /* makes values stale instead of deleting them where stale_for is configured */
	int64_t max_keys;    /* stop after that many; 0 = the configuration's limits */
	const char *confirm; /* from struct cw_invalidated; NULL = none */
	const char *note;    /* stored in the operation's record; NULL = none */
	int64_t timeout_ms;  /* then it is ended, incomplete; 0 = 30 minutes */
};

/* The result. A plain value. */
struct cw_invalidated {
	bool complete;
	char reason[32]; /* why it is not complete, such as "max_keys"; or "" */
	uint64_t matched, invalidated, softened, protected_skipped;
	char confirm[64]; /* confirms the same selectors, for 5 minutes; or "" */
};

/*
 * Invalidates, and waits for the end. It is logged before the first deletion, so that no load that
 * began earlier stores an older value. *ret (may be NULL) is also filled on CW_INCOMPLETE,
 * CW_CONFIRMATION_REQUIRED (`matched` is then a lower bound) and CW_TIMEOUT.
 */
CW_API enum cw_status cw_invalidate(struct cw_cache *cache, const struct cw_invalidation *what,
	struct cw_invalidated *ret, struct cw_error *error);

/* Changes the data that cached values are made from. true: it was changed. */
typedef bool cw_change(void *context);
/*
 * Calls `change`, which may call the library, and invalidates `what` if it returned true; otherwise
 * CW_CALLBACK_FAILED. `what` is read after `change`, which may fill it. Any other error is that of
 * the invalidation: the data was changed, and cached values may be stale.
 */
CW_API enum cw_status cw_invalidating(struct cw_cache *cache, cw_change *change, void *context,
	const struct cw_invalidation *what, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
