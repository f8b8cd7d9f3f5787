/* SPDX-License-Identifier: MIT */
#include "redis/lookup.h"

#include "../unit.h"

static void check(const char *command, size_t keys, struct redis_value reply, int hits, int misses)
{
	struct lookup_tally tally = {0};

	lookup_tally(lookup_of(slice_str(command)), keys, &reply, &tally);
	ck_assert_int_eq(tally.hits, hits);
	ck_assert_int_eq(tally.misses, misses);
}

#define TEXT(kind, literal) ((struct redis_value){.type = kind, .text = SLICE(literal)})
#define NUMBER(n)	    ((struct redis_value){.type = REDIS_INTEGER, .integer = n})

START_TEST(replies_tell_hits_from_misses)
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
	check("TTL", 1, NUMBER(-1), 1, 0);
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

START_TEST(what_was_no_lookup_is_not_counted)
{
	check("SET", 1, TEXT(REDIS_STATUS, "OK"), 0, 0);
	check("MEMORY", 1, NUMBER(50), 0, 0);
	check("GET", 1, TEXT(REDIS_STATUS, "QUEUED"), 0, 0);
	check("GET", 1, TEXT(REDIS_ERROR, "LOADING Redis is loading"), 0, 0);
	check("GET", 1, TEXT(REDIS_ERROR, "WRONGTYPE Operation against a key"), 1, 0);
	check("EXISTS", 1, NUMBER(7), 0, 0);
}
END_TEST

TEST_SUITE("lookup", replies_tell_hits_from_misses, what_was_no_lookup_is_not_counted)
