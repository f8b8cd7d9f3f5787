/* SPDX-License-Identifier: MIT */
#include "cache/tag.h"

#include "../unit.h"
#include "base/mem.h"
#include "engine.h"

static const struct slice red_green[] = {SLICE("red"), SLICE("green")};

START_TEST(tags_are_text_without_control_bytes)
{
	static const char *const bad[] = {"", "a\n", "\x7f", "a\tb", "\x1b", "caf\xe9",
		"\xed\xa0\x80", "\xc0\x80", "cut off \xe6\x97"};
	static const char *const good[] = {" ", "red shoes", "a,b", "caf\xc3\xa9:*?[/\"\\%2C",
		"\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\x80"};
	char long_tag[TAG_MAX_BYTES + 1];
	struct fault fault;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_int_eq(tag_check(slice_str(bad[i]), &fault), ERR_BAD_BODY);
	memset(long_tag, 'x', sizeof long_tag);
	ck_assert_int_eq(tag_check(slice_of(long_tag, sizeof long_tag), &fault), ERR_BAD_BODY);
	ck_assert_int_eq(tag_check(slice_of(long_tag, TAG_MAX_BYTES), &fault), OK);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_int_eq(tag_check(slice_str(good[i]), &fault), OK);
	ck_assert_int_eq(tag_check(slice_of("a\0b", 3), &fault), ERR_BAD_BODY);
}
END_TEST

static void tag_and_look(void)
{
	struct slice keys[] = {SLICE("k:1"), SLICE("k:2"), SLICE("absent")}, last = SLICE("k:3");
	struct fault fault;
	size_t tagged;

	engine_call("SET", "k:1", "x", NULL);
	engine_call("SET", "k:2", "x", NULL);
	engine_call("PEXPIRE", "k:2", "100000", NULL);
	ck_assert_int_eq(tag_existing(&engine.cache, red_green, 2, keys, 3, &tagged, &fault), OK);
	ck_assert_uint_eq(tagged, 2);
	ck_assert_int_eq(engine_call("ZCARD", "cw:tag:red", NULL, NULL), 2);
	ck_assert_int_eq(engine_call("ZCARD", "cw:tag:green", NULL, NULL), 2);
	ck_assert_int_eq(engine_call("ZCOUNT", "cw:tag:red", "+inf", "+inf"), 1);
	struct buf now = {0};
	buf_int(&now, clock_wall_ms() + 1000);
	ck_assert_int_eq(engine_call("ZCOUNT", "cw:tag:red", now.p, "(+inf"), 1);
	buf_release(&now);
	ck_assert_int_eq(tag_existing(&engine.cache, red_green, 2, keys, 0, &tagged, &fault), OK);
	ck_assert_uint_eq(tagged, 0);
	/* The last time that Redis takes: once our clock has gone on since its answer, the sum
	 * passes what fits. */
	engine_call("SET", "k:3", "x", NULL);
	engine_call("PEXPIREAT", "k:3", "9223372036854775807", NULL);
	for (int i = 0; i < 300; i++) {
		ck_assert_int_eq(
			tag_existing(&engine.cache, red_green, 2, &last, 1, &tagged, &fault), OK);
		ck_assert_int_eq(engine_call("ZCOUNT", "cw:tag:red", "-inf", "(0"), 0);
	}
}

TEST_CALL(only_existing_keys_are_tagged_and_with_their_expiry, engine_run("", tag_and_look))

TEST_SUITE("tag", tags_are_text_without_control_bytes,
	only_existing_keys_are_tagged_and_with_their_expiry)
