/* SPDX-License-Identifier: MIT */
#include "invalidate/seen.h"

#include <stdio.h>

#include "../unit.h"

static bool add(struct seen *seen, const char *format, int number)
{
	char name[32];
	int n = snprintf(name, sizeof name, format, number);

	return seen_add(seen, slice_of(name, (size_t)n));
}

START_TEST(a_name_is_new_once)
{
	struct seen seen = {0};

	for (int i = 0; i < 10000; i++)
		ck_assert(add(&seen, "name:%d", i));
	for (int i = 0; i < 10000; i++)
		ck_assert(!add(&seen, "name:%d", i));
	ck_assert(add(&seen, "other:%d", 1));
	ck_assert(seen_add(&seen, SLICE("")));
	ck_assert(!seen_add(&seen, SLICE("")));
	seen_release(&seen);
	ck_assert(add(&seen, "name:%d", 1));
	seen_release(&seen);
}
END_TEST

START_TEST(past_its_bound_every_name_is_new_and_no_memory_is_taken)
{
	struct seen seen = {0};

	for (int i = 0; i < SEEN_MOST; i++)
		ck_assert(add(&seen, "%d", i));
	size_t size = seen.size;
	ck_assert(add(&seen, "more:%d", 1));
	ck_assert(add(&seen, "more:%d", 1));
	ck_assert(!add(&seen, "%d", 7));
	ck_assert_uint_eq(seen.size, size);
	ck_assert_uint_le(size * sizeof *seen.slots, 4 * 1024 * 1024);
	seen_release(&seen);
}
END_TEST

TEST_SUITE("seen", a_name_is_new_once, past_its_bound_every_name_is_new_and_no_memory_is_taken)
