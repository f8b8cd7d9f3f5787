/* SPDX-License-Identifier: MIT */
#include "text/json_pointer.h"

#include "../unit.h"

START_TEST(tokens_are_escaped_and_come_back)
{
	static const struct slice tokens[] = {{"a/b", 3}, {"", 0}, {"~1", 2}, {"m~n", 3}, {"0", 1}};
	struct buf pointer = {0}, room = {0};
	struct slice left, token;

	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
		json_pointer_add(&pointer, tokens[i]);
	ck_assert_str_eq(pointer.p, "/a~1b//~01/m~0n/0");
	left = buf_slice(&pointer);
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		buf_clear(&room);
		ck_assert(left.n && json_pointer_next(&left, &room, &token));
		ck_assert(slice_equal(token, tokens[i]));
	}
	ck_assert_uint_eq(left.n, 0);
	buf_release(&pointer);
	buf_release(&room);
}
END_TEST

START_TEST(the_leading_slash_may_be_missing)
{
	struct slice left = SLICE("a/b"), token;
	struct buf room = {0};

	ck_assert(json_pointer_next(&left, &room, &token) && slice_is(token, "a"));
	ck_assert(json_pointer_next(&left, &room, &token) && slice_is(token, "b"));
	ck_assert_uint_eq(left.n + room.n, 0); /* nothing to unescape, nothing copied */
}
END_TEST

START_TEST(broken_escapes_are_refused)
{
	static const char *const broken[] = {"/~", "/a~2", "/~~0"};
	struct buf room = {0};

	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct slice left = slice_str(broken[i]), token;

		ck_assert(!json_pointer_next(&left, &room, &token));
		ck_assert(slice_is(token, broken[i] + 1));
		ck_assert_uint_eq(left.n, 0);
	}
	buf_release(&room);
}
END_TEST

START_TEST(a_nul_does_not_end_the_pointer)
{
	struct buf pointer = {0};

	json_pointer_add(&pointer, slice_of("a\0b", 3));
	ck_assert_str_eq(pointer.p, "/a\xef\xbf\xbd"
				    "b");
	buf_release(&pointer);
}
END_TEST

TEST_SUITE("json_pointer", tokens_are_escaped_and_come_back, the_leading_slash_may_be_missing,
	broken_escapes_are_refused, a_nul_does_not_end_the_pointer)
