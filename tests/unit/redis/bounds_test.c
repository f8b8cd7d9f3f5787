/* SPDX-License-Identifier: MIT */
#include "redis/bounds.h"

#include "../unit.h"

static enum error judged(const char *command, size_t argc, int64_t number)
{
	struct bounds bounds = bounds_of(slice_str(command), argc);
	struct redis_value value = {.type = REDIS_INTEGER, .integer = number};
	struct fault fault = {0};

	return bounds_check(&bounds, &value, &fault);
}

START_TEST(counts_are_not_negative_and_not_what_the_reader_cuts_to)
{
	ck_assert_int_eq(judged("ZCARD", 2, 0), OK);
	ck_assert_int_eq(judged("STRLEN", 2, REDIS_MOST_NUMBER - 1), OK);
	ck_assert_int_eq(judged("STRLEN", 2, REDIS_MOST_NUMBER), ERR_REDIS_PROTOCOL);
	ck_assert_int_eq(judged("DBSIZE", 1, -1), ERR_REDIS_PROTOCOL);
}
END_TEST

START_TEST(of_named_keys_no_more_are_counted_than_there_are_names)
{
	static const char *const commands[] = {"DEL", "unlink", "EXISTS"};

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		ck_assert_int_eq(judged(commands[i], 3, 2), OK);
		ck_assert_int_eq(judged(commands[i], 3, 3), ERR_REDIS_PROTOCOL);
		ck_assert_int_eq(judged(commands[i], 3, -1), ERR_REDIS_PROTOCOL);
	}
	ck_assert_int_eq(judged("PEXPIRE", 3, 1), OK);
	ck_assert_int_eq(judged("PEXPIRE", 3, 2), ERR_REDIS_PROTOCOL);
}
END_TEST

START_TEST(times_to_live_are_cut_and_may_be_absent)
{
	ck_assert_int_eq(judged("PTTL", 2, -2), OK);
	ck_assert_int_eq(judged("PTTL", 2, -3), ERR_REDIS_PROTOCOL);
	ck_assert_int_eq(judged("PTTL", 2, REDIS_MOST_NUMBER), OK);
	ck_assert_int_eq(judged("EVAL", 3, -REDIS_MOST_NUMBER), OK);
}
END_TEST

START_TEST(what_is_no_number_is_not_judged)
{
	struct bounds bounds = bounds_of(SLICE("ZCARD"), 2);
	struct redis_value value = {.type = REDIS_ERROR, .integer = -1};

	ck_assert_int_eq(bounds_check(&bounds, &value, NULL), OK);
}
END_TEST

START_TEST(numbers_of_scripts_are_taken_within_their_range)
{
	struct redis_value number = {.type = REDIS_INTEGER, .integer = 7};
	struct redis_value nil = {.type = REDIS_NIL};
	struct redis_value *items[] = {&number, &nil};
	struct redis_value array = {.type = REDIS_ARRAY, .count = 2, .items = items};
	int64_t got = 0;

	ck_assert_int_eq(redis_value_number(&array, 0, 0, 7, &got, NULL), OK);
	ck_assert_int_eq(got, 7);
	ck_assert_int_eq(redis_value_number(&array, 0, 0, 6, &got, NULL), ERR_REDIS_PROTOCOL);
	ck_assert_int_eq(redis_value_number(&array, 0, 8, 9, &got, NULL), ERR_REDIS_PROTOCOL);
	ck_assert_int_eq(redis_value_number(&array, 1, 0, 7, &got, NULL), ERR_REDIS_PROTOCOL);
	ck_assert_int_eq(redis_value_number(&array, 2, 0, 7, &got, NULL), ERR_REDIS_PROTOCOL);
	ck_assert_int_eq(redis_value_number(&number, 0, 0, 7, &got, NULL), ERR_REDIS_PROTOCOL);
}
END_TEST

TEST_SUITE("bounds", counts_are_not_negative_and_not_what_the_reader_cuts_to,
	of_named_keys_no_more_are_counted_than_there_are_names,
	times_to_live_are_cut_and_may_be_absent, what_is_no_number_is_not_judged,
	numbers_of_scripts_are_taken_within_their_range)
