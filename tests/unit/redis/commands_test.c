/* SPDX-License-Identifier: MIT */
#include "redis/commands.h"

#include "../unit.h"

static enum error judged(const char *command, size_t argc, int64_t number)
{
	struct redis_value value = {.type = REDIS_INTEGER, .integer = number};
	struct fault fault = {0};

	return commands_check(commands_find(slice_str(command)), argc - 1, &value, &fault);
}

START_TEST(negative_and_cut_counts_are_refused)
{
	ck_assert_int_eq(judged("ZCARD", 2, 0), OK);
	ck_assert_int_eq(judged("STRLEN", 2, REDIS_MAX_NUMBER - 1), OK);
	ck_assert_int_eq(judged("STRLEN", 2, REDIS_MAX_NUMBER), ERR_REDIS_PROTOCOL);
	ck_assert_int_eq(judged("DBSIZE", 1, -1), ERR_REDIS_PROTOCOL);
}
END_TEST

START_TEST(a_count_above_the_number_of_named_keys_is_refused)
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
	ck_assert_int_eq(judged("PTTL", 2, REDIS_MAX_NUMBER), OK);
	ck_assert_int_eq(judged("EVAL", 3, -REDIS_MAX_NUMBER), OK);
}
END_TEST

START_TEST(only_numbers_are_checked)
{
	struct redis_value value = {.type = REDIS_ERROR, .integer = -1};

	ck_assert_int_eq(commands_check(COMMAND_ZCARD, 1, &value, NULL), OK);
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

static void check(const char *command, size_t keys, struct redis_value reply, int hits, int misses)
{
	struct commands_tally tally = {0};

	commands_tally(commands_find(slice_str(command)), keys, &reply, &tally);
	ck_assert_int_eq(tally.hits, hits);
	ck_assert_int_eq(tally.misses, misses);
}

#define TEXT(kind, literal) ((struct redis_value){.type = kind, .text = SLICE(literal)})
#define NUMBER(n)	    ((struct redis_value){.type = REDIS_INTEGER, .integer = n})

START_TEST(hits_and_misses_are_counted_from_replies)
{
	struct redis_value nil = {0}, string = TEXT(REDIS_STRING, "x");
	struct redis_value *items[] = {&string, &nil, &string};
	struct redis_value array = {.type = REDIS_ARRAY, .count = 3, .items = items};
	struct redis_value empty = {.type = REDIS_ARRAY};
	struct redis_value hits = NUMBER(3), misses = NUMBER(2);
	struct redis_value *numbers[] = {&hits, &misses, &nil};
	struct redis_value counted = {.type = REDIS_ARRAY, .count = 3, .items = numbers};

	check("GET", 1, string, 1, 0);
	check("get", 1, nil, 0, 1);
	check("MGET", 3, array, 2, 1);
	check("EXISTS", 3, NUMBER(1), 1, 2);
	check("TYPE", 1, TEXT(REDIS_STATUS, "hash"), 1, 0);
	check("TYPE", 1, TEXT(REDIS_STATUS, "none"), 0, 1);
	check("PTTL", 1, NUMBER(-2), 0, 1);
	check("PTTL", 1, NUMBER(-1), 1, 0);
	check("STRLEN", 1, NUMBER(0), 0, 1);
	check("STRLEN", 1, NUMBER(3), 1, 0);
	check("HGETALL", 1, empty, 0, 1);
	check("XRANGE", 1, array, 1, 0);
	check("ZREVRANGEBYSCORE", 1, array, 1, 0);
	check("GETRANGE", 1, TEXT(REDIS_STRING, ""), 0, 1);
	check("ZCARD", 1, NUMBER(0), 0, 1);
	check("ZRANGEBYLEX", 1, array, 1, 0);
	struct redis_value end = TEXT(REDIS_STRING, "0"), on = TEXT(REDIS_STRING, "17");
	struct redis_value *full[] = {&end, &array}, *none[] = {&end, &empty},
			   *gap[] = {&on, &empty};
	check("ZSCAN", 1, (struct redis_value){.type = REDIS_ARRAY, .count = 2, .items = full}, 1,
		0);
	check("ZSCAN", 1, (struct redis_value){.type = REDIS_ARRAY, .count = 2, .items = gap}, 1,
		0);
	check("ZSCAN", 1, (struct redis_value){.type = REDIS_ARRAY, .count = 2, .items = none}, 0,
		1);
	check("EVAL", 1, NUMBER(1), 1, 0);
	check("EVAL", 1, NUMBER(0), 0, 1);
	check("EVAL", 1, counted, 3, 2);
	check("EVAL", 1, array, 0, 0);
}
END_TEST

START_TEST(what_is_not_a_lookup_is_not_counted)
{
	check("SET", 1, TEXT(REDIS_STATUS, "OK"), 0, 0);
	check("MEMORY", 1, NUMBER(50), 0, 0);
	check("GET", 1, TEXT(REDIS_STATUS, "QUEUED"), 0, 0);
	check("GET", 1, TEXT(REDIS_ERROR, "LOADING Redis is loading"), 0, 0);
	check("GET", 1, TEXT(REDIS_ERROR, "WRONGTYPE Operation against a key"), 1, 0);
	check("EXISTS", 1, NUMBER(7), 0, 0);
}
END_TEST

TEST_SUITE("commands", negative_and_cut_counts_are_refused,
	a_count_above_the_number_of_named_keys_is_refused, times_to_live_are_cut_and_may_be_absent,
	only_numbers_are_checked, numbers_of_scripts_are_taken_within_their_range,
	hits_and_misses_are_counted_from_replies, what_is_not_a_lookup_is_not_counted)
