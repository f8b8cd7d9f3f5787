/* SPDX-License-Identifier: MIT */
/* ZSCAN with pages that follow the members' length; see tag_page.h. */
#include "cache/tag_page.h"

#include <stdio.h>
#include <string.h>

enum { page_first = 100 };

void tag_pages_init(struct tag_pages *pages, struct cache *cache, struct slice set,
	enum redis_priority priority)
{
	*pages = (struct tag_pages){.cache = cache,
		.set = set,
		.priority = priority,
		.most = TAG_PAGE_MAX,
		.fits = page_first,
		.cursor = "0"};
}

void tag_pages_release(struct tag_pages *pages)
{
	redis_value_free(pages->reply);
	pages->reply = NULL;
	pages->count = 0;
}

bool tag_pages_more(const struct tag_pages *pages)
{
	return !pages->begun || strcmp(pages->cursor, "0") != 0;
}

static enum error ask(struct tag_pages *pages, struct redis_value **ret, struct fault *fault)
{
	struct redis_call call = {.priority = pages->priority,
		.idempotent = true,
		.deadline = cache_deadline(pages->cache)};
	size_t count = pages->fits < pages->most ? pages->fits : pages->most;
	char text[TAG_CURSOR_BYTES];

	snprintf(text, sizeof text, "%zu", count ? count : 1);
	struct slice argv[] = {SLICE("ZSCAN"), pages->set, slice_str(pages->cursor), SLICE("COUNT"),
		slice_str(text)};
	return store_call(pages->cache->store, call, pages->set, sizeof argv / sizeof *argv, argv,
		ret, fault);
}

static size_t page_bytes(const struct redis_value *members)
{
	size_t bytes = 0;

	for (size_t i = 0; i < members->count; i += 2)
		bytes += members->items[i]->text.n;
	return bytes;
}

/* The next page has as many members as fit. */
static void learn(struct tag_pages *pages, const struct redis_value *members)
{
	size_t bytes = page_bytes(members);

	if (bytes > TAG_PAGE_BYTES)
		pages->fits = pages->fits > 2 ? pages->fits / 2 : 1;
	else if (bytes < TAG_PAGE_BYTES / 4 && pages->fits < TAG_PAGE_MAX)
		pages->fits *= 2;
}

enum error tag_pages_next(struct tag_pages *pages, struct fault *fault)
{
	struct redis_value *reply = NULL;
	enum error error;

	tag_pages_release(pages);
	while ((error = ask(pages, &reply, fault)) == ERR_REPLY_TOO_LARGE && pages->fits > 1)
		pages->fits /= 4;
	if (error)
		return error;
	struct slice cursor = reply->type == REDIS_ARRAY && reply->count == 2
				      ? redis_value_item(reply, 0)
				      : slice_of("", 0);
	if (cursor.n == 0 || cursor.n >= TAG_CURSOR_BYTES || reply->items[1]->type != REDIS_ARRAY ||
		reply->items[1]->count % 2) {
		redis_value_free(reply);
		return fault_set(fault, ERR_REDIS_PROTOCOL, "ZSCAN gave no cursor and members");
	}
	snprintf(pages->cursor, sizeof pages->cursor, "%.*s", (int)cursor.n, cursor.p);
	pages->reply = reply;
	pages->count = reply->items[1]->count / 2;
	pages->begun = true;
	learn(pages, reply->items[1]);
	return OK;
}

struct slice tag_pages_member(const struct tag_pages *pages, size_t i)
{
	return redis_value_item(pages->reply->items[1], 2 * i);
}

struct slice tag_pages_score(const struct tag_pages *pages, size_t i)
{
	return redis_value_item(pages->reply->items[1], 2 * i + 1);
}
