/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"

START_TEST(integers_are_strict_and_exact)
{
	int64_t i;
	uint64_t u;

	ck_assert(slice_int64(SLICE("-9223372036854775808"), &i) && i == INT64_MIN);
	ck_assert(slice_int64(SLICE("9223372036854775807"), &i) && i == INT64_MAX);
	ck_assert(slice_uint64(SLICE("18446744073709551615"), &u) && u == UINT64_MAX);
	ck_assert(!slice_int64(SLICE("9223372036854775808"), &i));
	ck_assert(!slice_uint64(SLICE("18446744073709551616"), &u));
	ck_assert(!slice_int64(SLICE("-0"), &i));
	ck_assert(!slice_int64(SLICE("007"), &i));
	ck_assert(!slice_int64(SLICE("+1"), &i));
	ck_assert(!slice_int64(SLICE(" 1"), &i));
	ck_assert(!slice_int64(SLICE(""), &i));
	ck_assert(!slice_int64(SLICE("-"), &i));
}
END_TEST

START_TEST(buf_grows_and_consumes)
{
	struct buf b = {0};

	for (int i = 0; i < 1000; i++)
		buf_append(&b, "0123456789", 10);
	buf_consume(&b, 9995);
	ck_assert_str_eq(b.p, "56789");
	buf_clear(&b);
	buf_int(&b, INT64_MIN);
	buf_printf(&b, " %s", "x");
	ck_assert_str_eq(b.p, "-9223372036854775808 x");
	buf_release(&b);
	ck_assert(slice_is(buf_slice(&b), ""));
}
END_TEST

START_TEST(slices_compare_by_bytes)
{
	ck_assert(slice_equal(slice_of("a\0b", 3), slice_of("a\0b", 3)));
	ck_assert(!slice_equal(slice_of("a\0b", 3), slice_of("a\0c", 3)));
	ck_assert(slice_starts(SLICE("user:1"), SLICE("user:")));
	ck_assert(!slice_starts(SLICE("us"), SLICE("user:")));
	ck_assert_int_lt(slice_compare(SLICE("a"), SLICE("ab")), 0);
	ck_assert_int_gt(slice_compare(SLICE("b"), SLICE("ab")), 0);
}
END_TEST

START_TEST(integers_are_formatted)
{
	static const int64_t numbers[] = {0, 7, -1, 10, 1048576, INT64_MAX, INT64_MIN};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		char room[SLICE_INT_ROOM], expected[SLICE_INT_ROOM];
		struct slice text = slice_of_int(room, numbers[i]);

		snprintf(expected, sizeof expected, "%lld", (long long)numbers[i]);
		ck_assert_str_eq(text.p, expected);
		ck_assert_uint_eq(text.n, strlen(expected));
	}
}
END_TEST

TEST_SUITE("buf", integers_are_formatted, integers_are_strict_and_exact, buf_grows_and_consumes,
	slices_compare_by_bytes)
