/* SPDX-License-Identifier: MIT */
#include "cache/inval_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "base/mem.h"
#include "engine.h"

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

static bool names(struct inval_since *since, struct slice key)
{
	bool named;

	ck_assert_int_eq(inval_since_check(since, key, &named), OK);
	return named;
}

START_TEST(entries_after_the_id_make_keys_stale)
{
	setup();
	struct inval_since *since =
		inval_since_parse(array(entry("5-0"), entry("6-0"), NULL), "5-0");
	ck_assert_ptr_nonnull(since);
	ck_assert(!inval_since_empty(since));
	ck_assert(names(since, SLICE("user:1")));
	const struct slice tags[] = {SLICE("green"), SLICE("red")};
	ck_assert(inval_since_matches_tags(since, tags, 2));
	ck_assert(!inval_since_matches_tags(since, tags, 1));
	ck_assert(!inval_since_matches_tags(since, NULL, 0));
	ck_assert(!names(since, SLICE("red")));
	ck_assert(names(since, SLICE("user:2")));
	ck_assert(names(since, SLICE("page:x:7")));
	ck_assert(!names(since, SLICE("user:3")));
	ck_assert(!names(since, SLICE("op")));
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
	ck_assert(!names(since, SLICE("user:1")));
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
	ck_assert(names(since, SLICE("user:1")));
	inval_since_free(since);
}
END_TEST

START_TEST(pages_of_the_log_are_merged)
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
	ck_assert(names(since, SLICE("user:1")));
	ck_assert(names(since, SLICE("user:3")));
	ck_assert(names(since, SLICE("page:x:7")));
	ck_assert(names(since, SLICE("shop:1")));
	ck_assert_str_eq(inval_since_last(since), "8-0");
	inval_since_free(since);
}
END_TEST

enum { many_names = 64200 }; /* more than the 128 entries of one batch hold */

static void many_names_are_logged(void)
{
	static char text[many_names][12];
	static struct slice keys[many_names];
	const struct inval_entry entry = {
		.operation_id = "o", .keys = keys, .key_count = many_names};

	engine_call("PING", NULL, NULL, NULL);
	for (size_t i = 0; i < many_names; i++) {
		snprintf(text[i], sizeof text[i], "k:%zu", i);
		keys[i] = slice_str(text[i]);
	}
	ck_assert_int_eq(inval_log_append(&engine.cache, &entry, NULL), OK);
	ck_assert_int_gt(engine_call("XLEN", "cw:inval", NULL, NULL), 128);
	struct inval_since *since =
		inval_log_since(&engine.cache, &(struct inval_place){.id = "0-0"});
	ck_assert_ptr_nonnull(since);
	for (size_t i = 0; i < many_names; i++)
		ck_assert_msg(names(since, keys[i]), "%s", text[i]);
	inval_since_free(since);
}

TEST_CALL(a_long_list_is_logged_whole, engine_run("", many_names_are_logged))

static void log_one(const char *key)
{
	const struct slice keys[] = {slice_str(key)};

	ck_assert_int_eq(
		inval_log_append(&engine.cache,
			&(struct inval_entry){.operation_id = "o", .keys = keys, .key_count = 1},
			NULL),
		OK);
}

/* 1,000 entries are looked through; of the next one nothing is known, so that all counts as stale.
 */
static void more_than_is_read(void)
{
	struct inval_place place;

	engine_call("PING", NULL, NULL, NULL);
	log_one("before");
	ck_assert_int_eq(inval_log_last(&engine.cache, &place, NULL), OK);
	for (int i = 1; i < 1000; i++)
		log_one("other");
	struct inval_since *since = inval_log_since(&engine.cache, &place);
	ck_assert_ptr_nonnull(since);
	ck_assert(names(since, SLICE("other")));
	ck_assert(!names(since, SLICE("k")));
	inval_since_free(since);
	log_one("other");
	log_one("k");
	since = inval_log_since(&engine.cache, &place);
	ck_assert(!since || names(since, SLICE("k")));
	inval_since_free(since);
}

TEST_CALL(more_entries_than_are_read_make_all_stale, engine_run("", more_than_is_read))

enum { many_patterns = 100 }; /* more than are compared before the clock is read */

static void check_in_a_cancelled_fiber(void *argument)
{
	bool named;

	fiber_cancel(fiber_current());
	ck_assert_int_eq(inval_since_check(argument, SLICE("k"), &named), ERR_CANCELLED);
	ck_assert(!named);
}

static void cancelled_check(void)
{
	static char text[many_patterns][16];
	struct slice patterns[many_patterns];
	struct fiber_group checks;

	engine_call("PING", NULL, NULL, NULL);
	for (int i = 0; i < many_patterns; i++) {
		snprintf(text[i], sizeof text[i], "p%d*", i);
		patterns[i] = slice_str(text[i]);
	}
	const struct inval_entry entry = {
		.operation_id = "o", .patterns = patterns, .pattern_count = many_patterns};
	ck_assert_int_eq(inval_log_append(&engine.cache, &entry, NULL), OK);
	struct inval_since *since =
		inval_log_since(&engine.cache, &(struct inval_place){.id = "0-0"});
	ck_assert_ptr_nonnull(since);
	fiber_group_init(&checks, "checks", engine.cache.loop);
	fiber_spawn(&checks, "check", check_in_a_cancelled_fiber, since);
	ck_assert_int_eq(fiber_group_join(&checks, DEADLINE_NONE), OK);
	ck_assert(!names(since, SLICE("k")));
	inval_since_free(since);
}

TEST_CALL(a_cancelled_check_says_that_it_did_not_end, engine_run("", cancelled_check))

TEST_SUITE("inval_log", a_cancelled_check_says_that_it_did_not_end, a_long_list_is_logged_whole,
	more_entries_than_are_read_make_all_stale, pages_of_the_log_are_merged,
	entries_after_the_id_make_keys_stale, nothing_after_the_id_is_fresh,
	what_cannot_be_known_is_stale, from_the_empty_log_everything_counts)
