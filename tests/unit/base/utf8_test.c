/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include "../unit.h"

START_TEST(code_points_are_read)
{
	static const struct {
		const char *text;
		size_t n;
		uint32_t point;
	} rows[] = {
		{"a", 1, 'a'},
		{"\x7f", 1, 0x7f},
		{"\xc2\x80z", 2, 0x80},
		{"\xdf\xbf", 2, 0x7ff},
		{"\xe0\xa0\x80", 3, 0x800},
		{"\xed\x9f\xbf", 3, 0xd7ff},
		{"\xee\x80\x80", 3, 0xe000},
		{"\xef\xbf\xbf", 3, 0xffff},
		{"\xf0\x90\x80\x80", 4, 0x10000},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint32_t point = 0;

		ck_assert_uint_eq(utf8_next(slice_str(rows[i].text), &point), rows[i].n);
		ck_assert_uint_eq(point, rows[i].point);
	}
}
END_TEST

START_TEST(invalid_utf8_is_refused)
{
	static const char *const bad[] = {"", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2",
		"\xc2z", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98", "\xff"};
	uint32_t point;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_uint_eq(utf8_next(slice_str(bad[i]), &point), 0);
}
END_TEST

START_TEST(a_cut_off_end_is_trimmed_and_nothing_else)
{
	static const struct {
		const char *text;
		size_t n;
	} rows[] = {
		{"", 0},
		{"abc", 3},
		{"a\xc3\xa9", 3},
		{"a\xc3", 1},
		{"a\xe2\x82\xac", 4},
		{"a\xe2\x82", 1},
		{"a\xe2", 1},
		{"a\xf0\x9f\x98\x80", 5},
		{"a\xf0\x9f\x98", 1},
		{"a\xf0\x9f", 1},
		{"a\xf0", 1},
		{"\xf0", 0},
		{"a\x80", 2},
		{"\x80\x80\x80\x80", 4},
		{"a\xff", 2},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_uint_eq(utf8_trim(slice_str(rows[i].text)).n, rows[i].n);
}
END_TEST

TEST_SUITE("utf8", code_points_are_read, invalid_utf8_is_refused,
	a_cut_off_end_is_trimmed_and_nothing_else)
