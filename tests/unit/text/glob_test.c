/* SPDX-License-Identifier: MIT */
#include "text/glob.h"

#include <limits.h>
#include <string.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/mem.h"
#include "glob_reference.h"

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static struct slice random_text(uint64_t *seed, const char *alphabet, size_t most, char *out)
{
	size_t n = random_next(seed) % (most + 1), letters = strlen(alphabet);

	for (size_t i = 0; i < n; i++)
		out[i] = alphabet[random_next(seed) % letters];
	return slice_of(out, n);
}

static void compare_random(uint64_t seed, size_t cases, const char *in_pattern, const char *in_text)
{
	size_t matched = 0;

	for (size_t i = 0; i < cases; i++) {
		char pattern_bytes[10], text_bytes[10];
		struct slice pattern = random_text(&seed, in_pattern, 10, pattern_bytes);
		struct slice text = random_text(&seed, in_text, 6, text_bytes);
		bool wanted = glob_reference(pattern, text);

		matched += wanted;
		ck_assert_msg(glob_match(pattern, text) == wanted, "'%.*s' on '%.*s': %d wanted",
			(int)pattern.n, pattern.p, (int)text.n, text.p, wanted);
	}
	ck_assert_uint_gt(matched, cases / 200);
}

START_TEST(a_million_random_cases_agree_with_the_plain_reference)
{
	compare_random(1, 500000, "**?[]^-\\ab", "aabb-]\\^*[");
	compare_random(2, 300000, "*??ab", "ab");
	compare_random(3, 200000, "[[]^-a\xff\x80z\\*", "a\xff\x80z-\x01");
}
END_TEST

/* Long texts go another way through the matcher; only what stands behind the one '#' matters. */
START_TEST(long_texts_agree_with_the_plain_reference)
{
	uint64_t seed = 4;
	size_t n = 5000, matched = 0;
	char *text = mem_alloc(n);

	for (int i = 0; i < 2000; i++) {
		char bytes[8];
		struct buf pattern = {0};
		size_t at = random_next(&seed) % (n - 40);
		bool wanted;

		memset(text, '.', n);
		memcpy(text + at, "#aab!", 5);
		buf_str(&pattern, "*#");
		buf_add(&pattern, random_text(&seed, "??a[b]\\", 4, bytes));
		buf_str(&pattern, "!*");
		wanted =
			glob_reference(slice_skip(buf_slice(&pattern), 1), slice_of(text + at, 40));
		matched += wanted;
		ck_assert_msg(glob_match(buf_slice(&pattern), slice_of(text, n)) == wanted, "%s",
			pattern.p);
		buf_release(&pattern);
	}
	ck_assert_uint_gt(matched, 20);
	/* Segments of many words of bits: of `items` '?' between two bytes that stand so far apart.
	 */
	for (size_t items = 1; items < GLOB_MAX_BYTES + 70; items += 7) {
		struct buf pattern = {0};

		memset(text, '.', n);
		text[1000] = text[1000 + items] = '#';
		buf_str(&pattern, "*#");
		for (size_t i = 1; i < items; i++)
			buf_char(&pattern, '?');
		buf_str(&pattern, "[#]*");
		ck_assert(glob_match(buf_slice(&pattern), slice_of(text, n)));
		text[1000 + items] = '.';
		text[1000 + items + 1] = '#';
		ck_assert(!glob_match(buf_slice(&pattern), slice_of(text, n)));
		buf_release(&pattern);
	}
	mem_free(text);
}
END_TEST

START_TEST(odd_patterns_do_what_redis_does)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"*", "", false},
		{"", "", true},
		{"", "a", false},
		{"user:*", "user:", true},
		{"[abc", "c", true},
		{"[abc", "cd", false},
		{"[", "[", false},
		{"[^", "x", true},
		{"[]", "]", false},
		{"[]a]", "a]", false},
		{"[^]", "x", true},
		{"[^]x]", "ax]", true},
		{"[z-a]", "m", true},
		{"[a-]", "-", false},
		{"[a-]", "^", true},
		{"[a-", "-", true},
		{"[-a]", "-", true},
		{"[\\]]", "]", true},
		{"[\\", "\\", true},
		{"[a\\-z]", "m", false},
		{"[a\\-z]", "-", true},
		{"a\\", "a\\", true},
		{"\\*", "*", true},
		{"\\*", "x", false},
		{"\\a", "a", true},
		{"^a", "^a", true},
		{"a]", "a]", true},
		{"**a**", "a", true},
		{"*?", "a", true},
		{"?", "", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_msg(glob_match(slice_str(cases[i].pattern), slice_str(cases[i].text)) ==
				      cases[i].matches,
			"'%s' on '%s'", cases[i].pattern, cases[i].text);
	ck_assert(glob_match(slice_of("a\0*", 3), slice_of("a\0b", 3)));
	ck_assert(!glob_match(slice_of("a\0*", 3), slice_of("a", 1)));
}
END_TEST

START_TEST(hostile_patterns_are_quick)
{
	static const char *const patterns[] = {
		"*a*a*a*b",
		"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
		"*????????????????????????????????b*",
		"*[ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][bc]c*",
		"a*?*?*?*?*?*?*?*[^a]*",
	};
	size_t n = 1 << 20;
	char *text = mem_alloc(n), same[512];
	int64_t begin = clock_mono_ms();

	memset(text, 'a', n);
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		ck_assert(!glob_match(slice_str(patterns[i]), slice_of(text, n)));
	memset(same, 'a', sizeof same);
	same[0] = same[510] = '*';
	same[509] = 'b';
	ck_assert(!glob_match(slice_of(same, 511), slice_of(text, n)));
	memset(same + 1, '?', 508);
	ck_assert(!glob_match(slice_of(same, 511), slice_of(text, n)));
	mem_free(text);
	ck_assert_int_lt(clock_mono_ms() - begin, 2000);
}
END_TEST

START_TEST(check_bounds_length_and_stars)
{
	char pattern[GLOB_MAX_BYTES + 1];
	struct fault fault;

	memset(pattern, 'a', sizeof pattern);
	ck_assert_int_eq(glob_check(slice_of(pattern, GLOB_MAX_BYTES), &fault), OK);
	ck_assert_int_eq(glob_check(slice_of(pattern, sizeof pattern), &fault), ERR_BAD_PATTERN);
	ck_assert(strstr(fault.detail, "513 bytes"));
	ck_assert_int_eq(glob_check(SLICE(""), &fault), ERR_BAD_PATTERN);
	ck_assert_int_eq(glob_check(SLICE("****************************"), NULL), OK);
	ck_assert_int_eq(glob_check(SLICE("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a"), NULL), OK);
	ck_assert_int_eq(
		glob_check(SLICE("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*"), &fault), ERR_BAD_PATTERN);
	ck_assert(strstr(fault.detail, "17 stars"));
	ck_assert_int_eq(
		glob_check(
			SLICE("[*****a*]\\*\\*\\*\\*\\*\\*\\*\\*\\*\\*\\*\\*\\*\\*\\*\\*"), NULL),
		OK);
}
END_TEST

START_TEST(literals_and_prefixes_are_unescaped)
{
	struct buf b = {0};

	ck_assert(glob_literal(SLICE("user:\\*:1\\"), &b));
	ck_assert_str_eq(b.p, "user:*:1\\");
	ck_assert(glob_literal(SLICE("a]^-b"), &b));
	ck_assert_str_eq(b.p, "a]^-b");
	ck_assert(!glob_literal(SLICE("user:*"), &b));
	ck_assert(!glob_literal(SLICE("user:?"), &b));
	ck_assert(!glob_literal(SLICE("user:[1]"), &b));
	buf_clear(&b);
	buf_str(&b, "=");
	glob_prefix(SLICE("us\\er:[1]*"), &b);
	ck_assert_str_eq(b.p, "=user:");
	buf_release(&b);
}
END_TEST

START_TEST(catch_all_patterns_are_detected)
{
	static const char *const all[] = {
		"*", "**", "?*", "*?", "[^x]*", "*[a-z]*", "*[ab", "*[^]*"};
	static const char *const some[] = {
		"", "?", "??", "a*", "*a", "*[a]*", "*[]*", "*\\*", "*:*", "*\\", "[", "*["};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		ck_assert_msg(glob_catch_all(slice_str(all[i])), "%s", all[i]);
	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		ck_assert_msg(!glob_catch_all(slice_str(some[i])), "%s", some[i]);
}
END_TEST

START_TEST(escaped_text_matches_only_itself)
{
	uint64_t seed = 5;

	for (int i = 0; i < 20000; i++) {
		char text_bytes[6], other_bytes[6];
		struct slice text = random_text(&seed, "*?[]^-\\ab", 6, text_bytes);
		struct slice other = random_text(&seed, "*?[]^-\\ab", 6, other_bytes);
		struct buf pattern = {0}, back = {0};

		glob_escape(text, &pattern);
		ck_assert(glob_match(buf_slice(&pattern), text));
		ck_assert(glob_match(buf_slice(&pattern), other) == slice_equal(text, other));
		ck_assert(glob_literal(buf_slice(&pattern), &back));
		ck_assert(slice_equal(buf_slice(&back), text));
		buf_release(&pattern);
		buf_release(&back);
	}
}
END_TEST

TEST_SUITE("glob", a_million_random_cases_agree_with_the_plain_reference,
	long_texts_agree_with_the_plain_reference, odd_patterns_do_what_redis_does,
	hostile_patterns_are_quick, check_bounds_length_and_stars,
	literals_and_prefixes_are_unescaped, catch_all_patterns_are_detected,
	escaped_text_matches_only_itself)
