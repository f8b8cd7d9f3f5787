/* SPDX-License-Identifier: MIT */
#include "store/value_join.h"

#include "../redis/reply.h"
#include "../unit.h"

static enum error join(
	struct redis_value **whole, const char *part, size_t count, uint32_t first, uint32_t second)
{
	const uint32_t keys[] = {first, second};
	struct fault fault;

	return value_join(whole, reply_of(part), keys, count, 3, &fault);
}

START_TEST(numbers_are_added)
{
	struct redis_value *whole = NULL;

	ck_assert_int_eq(join(&whole, ":2\r\n", 2, 1, 3), OK);
	ck_assert_int_eq(join(&whole, ":1\r\n", 1, 2, 0), OK);
	ck_assert_int_eq(whole->type, REDIS_INTEGER);
	ck_assert_int_eq(whole->integer, 3);
	redis_value_free(whole);
}
END_TEST

START_TEST(items_get_the_places_of_their_keys)
{
	struct redis_value *whole = NULL;

	ck_assert_int_eq(join(&whole, "*2\r\n$1\r\na\r\n$1\r\nc\r\n", 2, 1, 3), OK);
	ck_assert_int_eq(join(&whole, "*1\r\n$-1\r\n", 1, 2, 0), OK);
	ck_assert_uint_eq(whole->count, 3);
	ck_assert(slice_is(redis_value_item(whole, 0), "a"));
	ck_assert_int_eq(whole->items[1]->type, REDIS_NIL);
	ck_assert(slice_is(redis_value_item(whole, 2), "c"));
	redis_value_free(whole);
}
END_TEST

START_TEST(an_error_is_the_reply_to_the_whole)
{
	static const char *const first[] = {":1\r\n", "-ERR no\r\n"};

	for (size_t i = 0; i < 2; i++) {
		struct redis_value *whole = NULL;

		ck_assert_int_eq(join(&whole, first[i], 1, 1, 0), OK);
		ck_assert_int_eq(join(&whole, first[1 - i], 1, 2, 0), OK);
		ck_assert_int_eq(whole->type, REDIS_ERROR);
		redis_value_free(whole);
	}
}
END_TEST

static const struct {
	const char *first, *second;
} wrong[] = {
	{NULL, "*2\r\n:1\r\n:1\r\n"},
	{NULL, "$1\r\na\r\n"},
	{NULL, "$-1\r\n"},
	{":1\r\n", "*1\r\n:1\r\n"},
	{"*1\r\n:1\r\n", ":1\r\n"},
};

START_TEST(what_does_not_fit_is_refused)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct redis_value *whole = NULL;

		if (wrong[i].first)
			ck_assert_int_eq(join(&whole, wrong[i].first, 1, 1, 0), OK);
		ck_assert_int_eq(join(&whole, wrong[i].second, 1, 2, 0), ERR_REDIS_PROTOCOL);
		redis_value_free(whole);
	}
}
END_TEST

TEST_SUITE("value_join", numbers_are_added, items_get_the_places_of_their_keys,
	an_error_is_the_reply_to_the_whole, what_does_not_fit_is_refused)
