/* SPDX-License-Identifier: MIT */
#include "base/name_set.h"

#include <stdio.h>

#include "../unit.h"

static bool add(struct name_set *set, const char *format, int number)
{
	char name[32];
	int n = snprintf(name, sizeof name, format, number);

	return name_set_add(set, slice_of(name, (size_t)n));
}

START_TEST(a_name_is_new_once)
{
	struct name_set set = {0};

	for (int i = 0; i < 10000; i++)
		ck_assert(add(&set, "name:%d", i));
	for (int i = 0; i < 10000; i++)
		ck_assert(!add(&set, "name:%d", i));
	ck_assert(add(&set, "other:%d", 1));
	ck_assert(name_set_add(&set, SLICE("")));
	ck_assert(!name_set_add(&set, SLICE("")));
	name_set_release(&set);
	ck_assert(add(&set, "name:%d", 1));
	name_set_release(&set);
}
END_TEST

START_TEST(past_its_bound_every_name_is_new_and_no_memory_is_taken)
{
	struct name_set set = {0};

	for (int i = 0; i < NAME_SET_MAX; i++)
		ck_assert(add(&set, "%d", i));
	size_t size = set.size;
	ck_assert(add(&set, "more:%d", 1));
	ck_assert(add(&set, "more:%d", 1));
	ck_assert(!add(&set, "%d", 7));
	ck_assert_uint_eq(set.size, size);
	ck_assert_uint_le(size * sizeof *set.hashes, 4 * 1024 * 1024);
	name_set_release(&set);
}
END_TEST

START_TEST(a_borrowed_name_is_new_once)
{
	static char text[1000][16];
	struct name_set set = {.borrows = true};

	for (int i = 0; i < 1000; i++) {
		int n = snprintf(text[i], sizeof text[i], "key:%d", i);
		ck_assert(name_set_add(&set, slice_of(text[i], (size_t)n)));
	}
	for (int i = 0; i < 1000; i++)
		ck_assert(!name_set_add(&set, slice_str(text[i])));
	name_set_release(&set);
}
END_TEST

START_TEST(borrowed_names_are_bytes)
{
	struct name_set set = {.borrows = true};

	ck_assert(name_set_add(&set, slice_of("a\0b", 3)));
	ck_assert(name_set_add(&set, slice_of("a\0c", 3)));
	ck_assert(name_set_add(&set, slice_of("", 0)));
	ck_assert(!name_set_add(&set, slice_of("a\0b", 3)));
	ck_assert(!name_set_add(&set, slice_of("", 0)));
	name_set_release(&set);
}
END_TEST

TEST_SUITE("name_set", a_name_is_new_once, past_its_bound_every_name_is_new_and_no_memory_is_taken,
	a_borrowed_name_is_new_once, borrowed_names_are_bytes)
