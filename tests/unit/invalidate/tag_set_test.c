/* SPDX-License-Identifier: MIT */
/* Tags' sets on a real redis-server: pages, the list of all tags, softening. */
#include <stdio.h>
#include <stdlib.h>

#include "../cache/engine.h"
#include "../unit.h"
#include "base/mem.h"
#include "base/name_set.h"
#include "cache/soft_purge.h"
#include "cache/tag_list.h"
#include "cache/tag_page.h"

static struct fault fault;

static void add_member(int number, int length)
{
	char name[2048];

	snprintf(name, sizeof name, "%0*d", length, number);
	engine_call("ZADD", "cw:tag:t", "1.5", name);
}

static size_t fits; /* what the last reading had learnt */

/* Reads all pages; returns how many members were new, and the largest page's bytes. */
static size_t read_all(size_t *ret_bytes)
{
	struct tag_pages pages;
	struct name_set seen = {0};

	*ret_bytes = 0;
	tag_pages_init(&pages, &engine.cache, SLICE("cw:tag:t"), REDIS_BULK);
	while (tag_pages_more(&pages)) {
		size_t bytes = 0;

		ck_assert_int_eq(tag_pages_next(&pages, &fault), OK);
		for (size_t i = 0; i < pages.count; i++) {
			name_set_add(&seen, tag_pages_member(&pages, i));
			ck_assert(slice_is(tag_pages_score(&pages, i), "1.5"));
			bytes += tag_pages_member(&pages, i).n;
		}
		*ret_bytes = bytes > *ret_bytes ? bytes : *ret_bytes;
	}
	size_t count = seen.count;
	fits = pages.fits;
	name_set_release(&seen);
	tag_pages_release(&pages);
	return count;
}

/* How many members are taken to fit after one page that was asked for with `guess`. */
static size_t learnt(size_t guess)
{
	struct tag_pages pages;

	tag_pages_init(&pages, &engine.cache, SLICE("cw:tag:t"), REDIS_BULK);
	pages.fits = guess;
	ck_assert_int_eq(tag_pages_next(&pages, &fault), OK);
	size_t now = pages.fits;
	tag_pages_release(&pages);
	return now;
}

static void page_through(void)
{
	size_t bytes;

	ck_assert_uint_eq(read_all(&bytes), 0);
	for (int i = 0; i < 50; i++)
		add_member(i, 8);
	ck_assert_uint_eq(read_all(&bytes), 50);
	engine_call("DEL", "cw:tag:t", NULL, NULL);
	for (int i = 0; i < 3000; i++)
		add_member(i, 8);
	ck_assert_uint_eq(read_all(&bytes), 3000);
	ck_assert_uint_ge(fits, TAG_PAGE_MAX);
	engine_call("DEL", "cw:tag:t", NULL, NULL);
	for (int i = 0; i < 50; i++)
		add_member(i, 1000);
	for (int i = 50; i < 3000; i++)
		add_member(i, 1000);
	ck_assert_uint_eq(read_all(&bytes), 3000);
	ck_assert_uint_le(bytes, 2 * TAG_PAGE_BYTES);
	ck_assert_uint_le(fits, TAG_PAGE_BYTES / 1000);
	ck_assert_uint_ge(fits, TAG_PAGE_BYTES / 1000 / 8);
	ck_assert_uint_eq(learnt(TAG_PAGE_MAX), TAG_PAGE_MAX / 2);
	ck_assert_uint_eq(learnt(100), 100);
	ck_assert_uint_eq(learnt(4), 8);
	engine_call("SET", "cw:tag:t", "text", NULL);
	struct tag_pages pages;
	tag_pages_init(&pages, &engine.cache, SLICE("cw:tag:t"), REDIS_BULK);
	ck_assert_int_eq(tag_pages_next(&pages, &fault), ERR_WRONG_TYPE);
	tag_pages_release(&pages);
}

TEST_CALL(every_member_is_listed_in_pages_of_bounded_size, engine_run("", page_through))

static void list_tags(void)
{
	struct tag_list_sums sums = {2, 10, 3, 1, 123456789}, read;
	struct tag_list_item item;
	struct redis_value *page;

	ck_assert_int_eq(tag_list_sums(&engine.cache, &read, &fault), OK);
	ck_assert_int_eq(read.ended_wall_ms, -1);
	ck_assert_int_eq(tag_list_begin(&engine.cache, &fault), OK);
	ck_assert_int_eq(tag_list_add(&engine.cache, SLICE("b\n1 2"), 7, 3, &fault), OK);
	ck_assert_int_eq(tag_list_add(&engine.cache, SLICE("a"), UINT64_MAX, 0, &fault), OK);
	ck_assert_int_eq(tag_list_end(&engine.cache, &sums, &fault), OK);
	ck_assert_int_eq(tag_list_sums(&engine.cache, &read, &fault), OK);
	ck_assert(read.tags == 2 && read.members == 10 && read.stale == 3 && read.pruned == 1);
	ck_assert_int_eq(read.ended_wall_ms, 123456789);
	ck_assert_int_eq(tag_list_page(&engine.cache, SLICE(""), 10, &page, &fault), OK);
	ck_assert_uint_eq(page->count, 2);
	ck_assert(tag_list_item(page, 0, &item) && slice_is(item.tag, "a"));
	ck_assert_uint_eq(item.members, UINT64_MAX);
	redis_value_free(page);
	ck_assert_int_eq(tag_list_page(&engine.cache, SLICE("a"), 10, &page, &fault), OK);
	ck_assert_uint_eq(page->count, 1);
	ck_assert(tag_list_item(page, 0, &item) && slice_is(item.tag, "b\n1 2"));
	ck_assert_uint_eq(item.stale, 3);
	redis_value_free(page);
	/* The next walk finds none: none are left. */
	sums.tags = 0;
	ck_assert_int_eq(tag_list_begin(&engine.cache, &fault), OK);
	ck_assert_int_eq(tag_list_end(&engine.cache, &sums, &fault), OK);
	ck_assert_int_eq(engine_call("EXISTS", "cw:tags:{0}", NULL, NULL), 0);
}

TEST_CALL(the_list_holds_any_name_and_is_replaced_as_a_whole, engine_run("", list_tags))

static enum soft_purge_outcome soften(const char *key, int64_t ms)
{
	struct redis_batch *batch = redis_batch_new();
	enum soft_purge_outcome outcome;

	soft_purge_add(&engine.cache, batch, slice_str(key), ms);
	ck_assert_int_eq(redis_node_run(store_node(engine.cache.store, slice_str(key)), REDIS_BULK,
				 batch, cache_deadline(&engine.cache), &fault),
		OK);
	ck_assert_int_eq(soft_purge_outcome(redis_batch_reply(batch, 0), &outcome, &fault), OK);
	redis_batch_free(batch);
	return outcome;
}

static void soften_some(void)
{
	engine_call("SET", "for-ever", "x", NULL);
	engine_call("SET", "long", "x", NULL);
	engine_call("PEXPIRE", "long", "100000", NULL);
	ck_assert_int_eq(soften("absent", 5000), SOFT_PURGE_ABSENT);
	ck_assert_int_eq(soften("for-ever", 5000), SOFT_PURGE_CHANGED);
	ck_assert_int_eq(soften("long", 5000), SOFT_PURGE_CHANGED);
	ck_assert_int_le(engine_call("PTTL", "for-ever", NULL, NULL), 5000);
	ck_assert_int_le(engine_call("PTTL", "long", NULL, NULL), 5000);
	ck_assert_int_eq(soften("long", 6000), SOFT_PURGE_KEPT);
	ck_assert_int_le(engine_call("PTTL", "long", NULL, NULL), 5000);
}

TEST_CALL(softening_only_shortens, engine_run("", soften_some))

TEST_SUITE("tag_set", every_member_is_listed_in_pages_of_bounded_size,
	the_list_holds_any_name_and_is_replaced_as_a_whole, softening_only_shortens)
