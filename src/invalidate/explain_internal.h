/* SPDX-License-Identifier: MIT */
/* What explain.c has explain_find.c look for. */
#ifndef CW_INVALIDATE_EXPLAIN_INTERNAL_H
#define CW_INVALIDATE_EXPLAIN_INTERNAL_H

#include "base/arena.h"
#include "invalidate/explain.h"

/* Adds those of `names` whose set has the key to ret->tags, each once. Parks. */
enum error explain_check_tags(struct cache *cache, struct slice key, const struct name_list *names,
	struct explain *ret, struct fault *fault);
/* The same for the tags that the pruner's last walk found, EXPLAIN_MAX_TAGS at most. Parks. */
enum error explain_known_tags(
	struct cache *cache, struct slice key, struct explain *ret, struct fault *fault);
/*
 * Looks for the newest entry of the invalidation log that matches the key or one of ret->tags among
 * the last EXPLAIN_MAX_ENTRIES. Parks.
 */
enum error explain_last_invalidation(
	struct cache *cache, struct slice key, struct explain *ret, struct fault *fault);

/*
 * The same among those of this process that Redis had no memory to log, if they are newer than
 * ret->last. Parks now and then.
 */
void explain_unlogged(const struct cache *cache, struct slice key, struct explain *ret);

#endif
