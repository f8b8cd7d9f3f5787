/* SPDX-License-Identifier: MIT */
#include "text/trace.h"

#include <string.h>

#include "../unit.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

START_TEST(what_the_recommendation_allows_is_taken)
{
	static const char *const good[] = {
		"00-" TRACE "-" SPAN "-01",
		"00-" TRACE "-" SPAN "-00",
		"00-" TRACE "-" SPAN "-ff",
		"cc-" TRACE "-" SPAN "-01",
		"01-" TRACE "-" SPAN "-01-more",
		"01-" TRACE "-" SPAN "-01-",
	};
	char parent[TRACE_PARENT_BYTES + 1];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		ck_assert_msg(trace_parse(slice_str(good[i]), parent), "%s", good[i]);
		ck_assert(memcmp(parent, "00-" TRACE "-" SPAN "-", 53) == 0);
		ck_assert_uint_eq(strlen(parent), TRACE_PARENT_BYTES);
		ck_assert(slice_is(trace_id(parent), TRACE));
	}
	ck_assert_uint_eq(trace_id("").n, 0);
}
END_TEST

START_TEST(anything_else_is_ignored)
{
	static const char *const bad[] = {
		"",
		"00",
		"00-" TRACE "-" SPAN "-0",
		"00-" TRACE "-" SPAN "-01-more",
		"01-" TRACE "-" SPAN "-01.more",
		"ff-" TRACE "-" SPAN "-01",
		"0x-" TRACE "-" SPAN "-01",
		"00-00000000000000000000000000000000-" SPAN "-01",
		"00-" TRACE "-0000000000000000-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
		"00-" TRACE "-" SPAN "-0g",
		"00_" TRACE "-" SPAN "-01",
		"00-" TRACE "_" SPAN "-01",
		"00-" TRACE "-" SPAN "_01",
		" 00-" TRACE "-" SPAN "-01",
	};
	char parent[TRACE_PARENT_BYTES + 1];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!trace_parse(slice_str(bad[i]), parent), "%s", bad[i]);
}
END_TEST

START_TEST(a_child_has_the_trace_and_a_span_of_its_own)
{
	char parent[TRACE_PARENT_BYTES + 1], child[TRACE_PARENT_BYTES + 1], again[56];

	ck_assert(trace_parse(SLICE("00-" TRACE "-" SPAN "-01"), parent));
	trace_child(parent, child);
	ck_assert(trace_parse(slice_str(child), again));
	ck_assert(slice_is(trace_id(child), TRACE) && strcmp(child + 52, "-01") == 0);
	ck_assert(strcmp(child, parent) != 0);
	trace_child(parent, again);
	ck_assert(strcmp(child, again) != 0);
}
END_TEST

TEST_SUITE("trace", what_the_recommendation_allows_is_taken, anything_else_is_ignored,
	a_child_has_the_trace_and_a_span_of_its_own)
