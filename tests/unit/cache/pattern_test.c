/* SPDX-License-Identifier: MIT */
#include "cache/pattern.h"

#include <stdlib.h>

#include "../unit.h"
#include "text/glob.h"

static bool matches(const char *glob, const char *text)
{
	struct pattern pattern;

	pattern_init(&pattern, slice_str(glob));
	return pattern_match(&pattern, slice_str(text));
}

START_TEST(literal_parts_are_found)
{
	struct pattern pattern;

	pattern_init(&pattern, SLICE("user:*:profile:?x[a-]]*-end"));
	ck_assert(slice_is(pattern.head, "user:"));
	ck_assert(slice_is(pattern.middle, ":profile:"));
	ck_assert(slice_is(pattern.tail, "-end"));
	ck_assert(!pattern.decided);
	pattern_init(&pattern, SLICE("user:*"));
	ck_assert(pattern.decided);
	pattern_init(&pattern, SLICE("*queues:*"));
	ck_assert(pattern.decided);
	ck_assert(slice_is(pattern.middle, "queues:"));
}
END_TEST

START_TEST(simple_patterns_match_without_the_matcher)
{
	ck_assert(matches("a*", "a"));
	ck_assert(!matches("a*", "ba"));
	ck_assert(matches("*a", "ba"));
	ck_assert(matches("ab*ba", "abba"));
	ck_assert(!matches("ab*ba", "aba"));
	ck_assert(matches("*x*", "axb"));
	ck_assert(!matches("*x*", ""));
	ck_assert(!matches("*", ""));
	ck_assert(matches("*", "x"));
	ck_assert(matches("abc", "abc"));
	ck_assert(!matches("abc", "abcd"));
	ck_assert(!matches("abc", "ab"));
}
END_TEST

START_TEST(agrees_with_the_matcher_on_random_patterns)
{
	static const char signs[] = "ab*?[]^-\\c";
	char glob[12], text[12];

	srand(7);
	for (int i = 0; i < 400000; i++) {
		size_t n = (size_t)rand() % sizeof glob, m = (size_t)rand() % sizeof text;
		struct pattern pattern;

		for (size_t j = 0; j < n; j++)
			glob[j] = signs[(size_t)rand() % (sizeof signs - 1)];
		for (size_t j = 0; j < m; j++)
			text[j] = "abc-]"[rand() % 5];
		pattern_init(&pattern, slice_of(glob, n));
		bool expected = glob_match(slice_of(glob, n), slice_of(text, m));
		ck_assert_msg(pattern_match(&pattern, slice_of(text, m)) == expected,
			"'%.*s' on '%.*s' is %d", (int)n, glob, (int)m, text, expected);
	}
}
END_TEST

TEST_SUITE("pattern", literal_parts_are_found, simple_patterns_match_without_the_matcher,
	agrees_with_the_matcher_on_random_patterns)
