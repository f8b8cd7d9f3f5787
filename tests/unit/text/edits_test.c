/* SPDX-License-Identifier: MIT */
#include "text/edits.h"

#include <string.h>

#include "../unit.h"

START_TEST(edits_are_counted)
{
	static const struct {
		const char *a, *b;
		size_t edits;
	} rows[] = {{"", "", 0}, {"", "abc", 3}, {"state", "stats", 1}, {"stat", "stats", 1},
		{"kitten", "sitting", 3}, {"maxmemory", "max_memory", 1}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice a = slice_str(rows[i].a), b = slice_str(rows[i].b);

		ck_assert_uint_eq(edits_between(a, b), rows[i].edits);
		ck_assert_uint_eq(edits_between(b, a), rows[i].edits);
	}
}
END_TEST

START_TEST(long_names_are_not_compared)
{
	char text[EDITS_MAX + 2];

	memset(text, 'a', sizeof text);
	ck_assert_uint_eq(edits_between(slice_of(text, EDITS_MAX), slice_of(text, EDITS_MAX)), 0);
	ck_assert_uint_eq(
		edits_between(slice_of(text, EDITS_MAX + 1), SLICE("a")), (size_t)EDITS_MAX);
}
END_TEST

TEST_SUITE("edits", edits_are_counted, long_names_are_not_compared)
