/* SPDX-License-Identifier: MIT */
#include "warm/key_sample.h"

#include <stdio.h>
#include <stdlib.h>

#include "../unit.h"

static struct key_sample sample;

static void add(int from, int to)
{
	char key[16];

	for (int i = from; i < to; i++) {
		snprintf(key, sizeof key, "%d", i);
		key_sample_add(&sample, slice_str(key), 1000 + i, false);
	}
}

START_TEST(few_keys_are_all_in_it)
{
	key_sample_init(&sample, 1);
	ck_assert_int_eq(key_sample_min_ttl(&sample), -1);
	add(5, 15);
	key_sample_add(&sample, SLICE("x"), -1, false);
	key_sample_add(&sample, SLICE("y"), 1, true);
	ck_assert_uint_eq(sample.count, 11);
	ck_assert(slice_is(key_sample_key(&sample, 10), "x"));
	ck_assert_int_eq(key_sample_min_ttl(&sample), 1005);
	key_sample_release(&sample);
	ck_assert_uint_eq(sample.count, 0);
}
END_TEST

START_TEST(of_many_each_has_the_same_chance)
{
	int thirds[3] = {0};

	for (uint64_t seed = 1; seed <= 30; seed++) {
		key_sample_init(&sample, seed);
		add(0, 3000);
		ck_assert_uint_eq(sample.count, KEY_SAMPLE_MAX);
		for (size_t i = 0; i < sample.count; i++)
			thirds[atoi(sample.keys[i]) / 1000]++;
		key_sample_release(&sample);
	}
	/* 1,000 of 3,000 each, with a standard deviation of 26. */
	for (int i = 0; i < 3; i++)
		ck_assert_int_lt(abs(thirds[i] - 1000), 150);
}
END_TEST

START_TEST(small_integers_are_shared)
{
	static const char *const shared[] = {"0", "7", "42", "9999"};
	static const char *const own[] = {"", "-1", "10000", "01", "1.0", "a", "12a", "00"};

	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
		ck_assert(key_sample_is_shared(slice_str(shared[i])));
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		ck_assert(!key_sample_is_shared(slice_str(own[i])));
}
END_TEST

TEST_SUITE("key_sample", few_keys_are_all_in_it, of_many_each_has_the_same_chance,
	small_integers_are_shared)
