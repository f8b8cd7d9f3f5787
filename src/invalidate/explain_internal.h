/* SPDX-License-Identifier: MIT */
/* What explain.c has explain_find.c look for. */
#ifndef CW_INVALIDATE_EXPLAIN_INTERNAL_H
#define CW_INVALIDATE_EXPLAIN_INTERNAL_H

#include "base/arena.h"
#include "invalidate/explain.h"

/* The tags that a key is found under. Zeroed = empty. */
struct explain_tags {
	struct slice *names;
	struct arena texts; /* of the names */
	size_t count;
	size_t checked;
};

/*
 * Adds those of `names` whose set has the key, each once. Parks.
 */
enum error explain_check_tags(struct cache *cache, struct slice key, const struct slice *names,
	size_t count, struct explain_tags *tags, struct fault *fault);
/* The same for the tags that the pruner's last walk found, EXPLAIN_MAX_TAGS at most. Parks. */
enum error explain_known_tags(
	struct cache *cache, struct slice key, struct explain_tags *tags, struct fault *fault);
void explain_tags_release(struct explain_tags *tags);

/*
 * The newest entry of the invalidation log that matches the key or one of its tags, as JSON; null
 * where there is none among the last EXPLAIN_MAX_ENTRIES. Parks.
 */
enum error explain_last_invalidation(struct cache *cache, struct slice key,
	const struct explain_tags *tags, cJSON **ret, struct fault *fault);

#endif
