/* SPDX-License-Identifier: MIT */
#include "invalidate/page_names.h"

#include <stdio.h>

#include "../unit.h"

START_TEST(each_name_is_new_once)
{
	static char text[1000][16];
	struct page_names *names = page_names_new(1000);

	for (int i = 0; i < 1000; i++) {
		int n = snprintf(text[i], sizeof text[i], "key:%d", i);
		ck_assert(page_names_add(names, slice_of(text[i], (size_t)n)));
	}
	for (int i = 0; i < 1000; i++)
		ck_assert(!page_names_add(names, slice_str(text[i])));
	page_names_free(names);
}
END_TEST

START_TEST(names_are_bytes)
{
	struct page_names *names = page_names_new(3);

	ck_assert(page_names_add(names, slice_of("a\0b", 3)));
	ck_assert(page_names_add(names, slice_of("a\0c", 3)));
	ck_assert(page_names_add(names, slice_of("", 0)));
	ck_assert(!page_names_add(names, slice_of("a\0b", 3)));
	ck_assert(!page_names_add(names, slice_of("", 0)));
	page_names_free(names);
}
END_TEST

TEST_SUITE("page_names", each_name_is_new_once, names_are_bytes)
