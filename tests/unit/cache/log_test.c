/* SPDX-License-Identifier: MIT */
#include "cache/log.h"

#include <stdarg.h>
#include <string.h>

#include "../unit.h"
#include "base/mem.h"

/* Replies as XRANGE gives them, built from static parts. */
static struct redis_value values[200], *pointers[400];
static size_t value_count, pointer_count;

static void setup(void)
{
	value_count = pointer_count = 0;
}

static struct redis_value *text(const char *s)
{
	struct redis_value *value = &values[value_count++];

	*value = (struct redis_value){.type = REDIS_STRING, .text = slice_str(s)};
	return value;
}

/* Ends with NULL. */
static struct redis_value *array(struct redis_value *first, ...)
{
	struct redis_value *value = &values[value_count++], *items[32];
	size_t count = 0;
	va_list rest;

	va_start(rest, first);
	for (struct redis_value *at = first; at; at = va_arg(rest, struct redis_value *))
		items[count++] = at;
	va_end(rest);
	*value = (struct redis_value){
		.type = REDIS_ARRAY, .count = count, .items = &pointers[pointer_count]};
	memcpy(&pointers[pointer_count], items, count * sizeof *items);
	pointer_count += count;
	return value;
}

static struct redis_value *entry(const char *id)
{
	return array(text(id),
		array(text("o"), text("op"), text("k"), text("user:1"), text("k"), text("user:2"),
			text("p"), text("page:*:7"), text("t"), text("red"), NULL),
		NULL);
}

START_TEST(entries_after_the_id_make_keys_stale)
{
	setup();
	struct inval_since *since =
		inval_since_parse(array(entry("5-0"), entry("6-0"), NULL), "5-0");
	ck_assert_ptr_nonnull(since);
	ck_assert(!inval_since_empty(since));
	ck_assert(inval_since_matches(since, SLICE("user:1")));
	const struct slice tags[] = {SLICE("green"), SLICE("red")};
	ck_assert(inval_since_matches_tags(since, tags, 2));
	ck_assert(!inval_since_matches_tags(since, tags, 1));
	ck_assert(!inval_since_matches_tags(since, NULL, 0));
	ck_assert(!inval_since_matches(since, SLICE("red")));
	ck_assert(inval_since_matches(since, SLICE("user:2")));
	ck_assert(inval_since_matches(since, SLICE("page:x:7")));
	ck_assert(!inval_since_matches(since, SLICE("user:3")));
	ck_assert(!inval_since_matches(since, SLICE("op")));
	ck_assert_str_eq(inval_since_last(since), "6-0");
	inval_since_free(since);
}
END_TEST

START_TEST(nothing_after_the_id_is_fresh)
{
	setup();
	struct inval_since *since = inval_since_parse(array(entry("5-0"), NULL), "5-0");
	ck_assert_ptr_nonnull(since);
	ck_assert(inval_since_empty(since));
	ck_assert(!inval_since_matches(since, SLICE("user:1")));
	ck_assert_str_eq(inval_since_last(since), "5-0");
	inval_since_free(since);
	since = inval_since_parse(array(NULL, NULL), "0-0");
	ck_assert_ptr_nonnull(since);
	ck_assert(inval_since_empty(since));
	inval_since_free(since);
}
END_TEST

START_TEST(what_cannot_be_known_is_stale)
{
	struct redis_value error = {.type = REDIS_ERROR, .text = SLICE("ERR x")};

	setup();
	ck_assert_ptr_null(inval_since_parse(NULL, "5-0"));
	ck_assert_ptr_null(inval_since_parse(&error, "5-0"));
	/* Trimmed: the entry itself is gone. */
	ck_assert_ptr_null(inval_since_parse(array(entry("6-0"), NULL), "5-0"));
	ck_assert_ptr_null(inval_since_parse(array(NULL, NULL), "5-0"));
	ck_assert_ptr_null(inval_since_parse(array(entry("5-0"), text("x"), NULL), "5-0"));
}
END_TEST

START_TEST(from_the_empty_log_everything_counts)
{
	setup();
	struct inval_since *since = inval_since_parse(array(entry("1-0"), NULL), "0-0");
	ck_assert_ptr_nonnull(since);
	ck_assert(inval_since_matches(since, SLICE("user:1")));
	inval_since_free(since);
}
END_TEST

START_TEST(answers_add_up)
{
	setup();
	struct inval_since *since =
		inval_since_parse(array(entry("5-0"), entry("6-0"), NULL), "5-0");
	struct redis_value *other = array(text("8-0"),
		array(text("k"), text("user:2"), text("k"), text("user:3"), text("p"),
			text("page:*:7"), text("p"), text("shop:*"), NULL),
		NULL);
	ck_assert_uint_eq(inval_since_names(since), 4);
	inval_since_merge(since, inval_since_parse(array(entry("6-0"), other, NULL), "6-0"));
	ck_assert_uint_eq(inval_since_names(since), 6);
	ck_assert(inval_since_matches(since, SLICE("user:1")));
	ck_assert(inval_since_matches(since, SLICE("user:3")));
	ck_assert(inval_since_matches(since, SLICE("page:x:7")));
	ck_assert(inval_since_matches(since, SLICE("shop:1")));
	ck_assert_str_eq(inval_since_last(since), "8-0");
	inval_since_free(since);
}
END_TEST

TEST_SUITE("inval_log", answers_add_up, entries_after_the_id_make_keys_stale,
	nothing_after_the_id_is_fresh, what_cannot_be_known_is_stale,
	from_the_empty_log_everything_counts)
