/* SPDX-License-Identifier: MIT */
#include "text/field.h"

#include <string.h>

#include "../unit.h"

START_TEST(names_are_tokens)
{
	ck_assert(field_is_name(SLICE("X-Request-Id")));
	ck_assert(field_is_name(SLICE("!#$%&'*+-.^_`|~09")));
	ck_assert(!field_is_name(SLICE("")));
	for (int c = 0; c < 256; c++) {
		char name[] = {'a', (char)c};
		bool separator = c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c);

		ck_assert_msg(field_is_name(slice_of(name, 2)) == !separator, "byte %d", c);
	}
}
END_TEST

START_TEST(values_hold_no_control_bytes_but_tabs)
{
	ck_assert(field_is_value(SLICE("")));
	ck_assert(field_is_value(SLICE("a\tb \xc3\xa4")));
	ck_assert(!field_is_value(SLICE("a\nb")));
	ck_assert(!field_is_value(SLICE("a\0b")));
	ck_assert(!field_is_value(SLICE("\x7f")));
}
END_TEST

START_TEST(comparison_ignores_the_case_of_ascii_letters)
{
	ck_assert(field_equal(SLICE("Host-[Z"), SLICE("hOST-[z")));
	ck_assert(!field_equal(SLICE("host"), SLICE("hosts")));
	ck_assert(!field_equal(SLICE("["), SLICE("{")));
	ck_assert(!field_equal(SLICE("\xc3\x84"), SLICE("\xc3\xa4")));
}
END_TEST

TEST_SUITE("field", names_are_tokens, values_hold_no_control_bytes_but_tabs,
	comparison_ignores_the_case_of_ascii_letters)
