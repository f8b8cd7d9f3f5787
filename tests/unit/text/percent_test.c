/* SPDX-License-Identifier: MIT */
#include "text/percent.h"

#include <string.h>

#include "../unit.h"

static void check_decoded(const char *text, unsigned flags, struct slice expected)
{
	char bytes[64];
	size_t n = strlen(text);

	memcpy(bytes, text, n + 1);
	ck_assert_msg(percent_decode(bytes, &n, flags), "%s", text);
	ck_assert_msg(slice_equal(slice_of(bytes, n), expected), "%s", text);
}

static void check_refused(const char *text)
{
	char bytes[64];
	size_t n = strlen(text);

	memcpy(bytes, text, n + 1);
	ck_assert_msg(!percent_decode(bytes, &n, 0), "%s", text);
}

START_TEST(all_but_unreserved_bytes_are_encoded)
{
	struct buf out = {0};

	percent_encode(SLICE("aZ09._~- /?%\0\xff"), PERCENT_UNRESERVED, &out);
	ck_assert_str_eq(out.p, "aZ09._~-%20%2F%3F%25%00%FF");
	buf_clear(&out);
	percent_encode(SLICE("a/b~"), "/", &out);
	ck_assert_str_eq(out.p, "a/b%7E");
	buf_release(&out);
}
END_TEST

START_TEST(escapes_are_decoded_in_place)
{
	size_t n = 0;

	check_decoded("", 0, SLICE(""));
	check_decoded("a%2Fb%2f+", 0, SLICE("a/b/+"));
	check_decoded("%00%fF", 0, SLICE("\0\xff"));
	check_decoded("%2541", 0, SLICE("%41"));
	ck_assert(percent_decode(NULL, &n, 0));
}
END_TEST

TEST_CALL(plus_is_a_space_in_forms_only, check_decoded("a+b%2B", PERCENT_FORM, SLICE("a b+")))

START_TEST(broken_escapes_are_refused_or_kept)
{
	static const char *const broken[] = {"%", "a%2", "%g0", "%0g", "%%30", "%-1"};

	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		check_refused(broken[i]);
	check_decoded("%g0%2F%2", PERCENT_LENIENT, SLICE("%g0/%2"));
	check_decoded("%%30", PERCENT_LENIENT, SLICE("%0"));
}
END_TEST

TEST_SUITE("percent", all_but_unreserved_bytes_are_encoded, escapes_are_decoded_in_place,
	plus_is_a_space_in_forms_only, broken_escapes_are_refused_or_kept)
