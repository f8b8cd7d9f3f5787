/* SPDX-License-Identifier: MIT */
/* One walk of the pruner, and what looks after each kind of set; for pruner*.c and those. */
#ifndef CW_CACHE_PRUNER_INTERNAL_H
#define CW_CACHE_PRUNER_INTERNAL_H

#include "cache/cache.h"

enum { PRUNE_PAGE = 100 };

struct prune_run {
	struct cache *cache;
	int64_t began_mono_ms;
	/* Of the tags. */
	uint64_t tags, members, stale, pruned;
	/* The walk's own. */
	struct buf lock;
	char *token;
	int64_t extended_mono_ms;
	enum error error;
	struct fault fault;
};

/*
 * A kind of sets, by the beginning of their keys behind own_prefix. visit() looks through the one
 * at `key`, of which `name` is what follows that beginning; an error ends the walk. Parks.
 */
struct prune_kind {
	struct slice prefix;
	enum error (*visit)(struct prune_run *walk, struct slice key, struct slice name);
};

/*
 * Between two pages of `looked_at` names: keeps the budget and the lock. ERR_CANCELLED,
 * ERR_CONFLICT where another daemon has the lock now. Parks.
 */
enum error pruner_pause(struct prune_run *walk, size_t looked_at);

/* cw:tag:<name>. */
enum error prune_tag(struct prune_run *walk, struct slice key, struct slice name);
/* cw:dep:<name>. */
enum error prune_dependency(struct prune_run *walk, struct slice key, struct slice name);

#endif
