/* SPDX-License-Identifier: MIT */
/*
 * Which tags there are, as the pruner's last walk found them: kept in Redis, so that every daemon
 * can list them without holding them in memory.
 *
 *	cw:tags:{0}        ZSET, all scores 0   member = <tag> LF <members> SP <stale>
 *	cw:tags:{0}:next   the same, in the making
 *	cw:tags:{0}:walk   HASH                 sums, and when the walk ended
 */
#ifndef CW_CACHE_TAG_LIST_H
#define CW_CACHE_TAG_LIST_H

#include "cache/cache.h"

enum { TAG_LIST_MAX = 10000 };

struct tag_list_sums {
	uint64_t tags, members, stale, pruned;
	int64_t ended_wall_ms; /* -1 = no walk has ended yet */
};

/* For the pruner; all park. */
enum error tag_list_begin(struct cache *cache, struct fault *fault);
enum error tag_list_add(struct cache *cache, struct slice tag, uint64_t members, uint64_t stale,
	struct fault *fault);
/* Replaces the last list by what was added. */
enum error tag_list_end(struct cache *cache, const struct tag_list_sums *sums, struct fault *fault);

/* Parks. */
enum error tag_list_sums(struct cache *cache, struct tag_list_sums *ret, struct fault *fault);
struct tag_list_item {
	struct slice tag; /* a view of the reply */
	uint64_t members, stale;
};
/* Up to `limit` tags in the order of their bytes, behind `after` (empty = from the first). Item i
 * of the reply: tag_list_item(). Parks. */
enum error tag_list_page(struct cache *cache, struct slice after, size_t limit,
	struct redis_value **ret, struct fault *fault);
/* False where the item is not valid. */
bool tag_list_item(const struct redis_value *reply, size_t i, struct tag_list_item *ret);

#endif
