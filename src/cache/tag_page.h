/* SPDX-License-Identifier: MIT */
/*
 * The members of a tag's set, page by page (ZSCAN), in bounded memory: a page has about `most`
 * members, and fewer where they are long. Small sets come whole. Whatever is a member all the time
 * is met at least once, and rarely twice.
 */
#ifndef CW_CACHE_TAG_PAGE_H
#define CW_CACHE_TAG_PAGE_H

#include "cache/cache.h"

enum { TAG_CURSOR_BYTES = 24, TAG_PAGE_MAX = 500, TAG_PAGE_BYTES = 256 * 1024 };

struct tag_pages {
	/* In. */
	struct cache *cache;
	struct slice set; /* the key of the set */
	enum redis_priority priority;
	size_t most; /* members of a page, about; may be changed between pages */
	size_t fits; /* of them are taken to be within TAG_PAGE_BYTES; it learns */
	char cursor[TAG_CURSOR_BYTES]; /* "0" to begin with; where the next page begins */
	/* Out: the page. */
	size_t count;
	/* Own. */
	struct redis_value *reply;
	bool begun;
};

void tag_pages_init(struct tag_pages *pages, struct cache *cache, struct slice set,
	enum redis_priority priority);
void tag_pages_release(struct tag_pages *pages);
/* False where the last page was read. */
bool tag_pages_more(const struct tag_pages *pages);
/* The next page, in place of the last. An absent set has one empty page. ERR_WRONG_TYPE where the
 * key is not a ZSET. Parks. */
enum error tag_pages_next(struct tag_pages *pages, struct fault *fault);
/* Member i of the page, and its score as Redis spells it: views of the page. */
struct slice tag_pages_member(const struct tag_pages *pages, size_t i);
struct slice tag_pages_score(const struct tag_pages *pages, size_t i);

#endif
