/* SPDX-License-Identifier: MIT */
#include "watch/hot_keys.h"

#include <stdio.h>

#include "../unit.h"

START_TEST(frequent_keys_are_found_among_many)
{
	struct hot_keys keys = {0};
	const struct hot_key *top[5];
	char name[32];

	for (int i = 0; i < 100000; i++) {
		if (i % 10 == 0)
			snprintf(name, sizeof name, "first");
		else if (i % 25 == 1)
			snprintf(name, sizeof name, "second");
		else
			snprintf(name, sizeof name, "rare:%d", i);
		hot_keys_add(&keys, slice_str(name));
	}
	ck_assert_uint_eq(hot_keys_top(&keys, 5, top), 2);
	ck_assert_str_eq(top[0]->key.p, "first");
	ck_assert_str_eq(top[1]->key.p, "second");
	ck_assert_double_ge(top[0]->count, 10000);
	ck_assert_double_le(top[0]->count - top[0]->error, 10000);
	ck_assert_double_eq(keys.total, 100000);
	hot_keys_fade(&keys, 0.5);
	ck_assert_double_eq(keys.total, 50000);
	ck_assert_double_ge(top[0]->count, 5000);
	hot_keys_release(&keys);
}
END_TEST

START_TEST(few_keys_are_counted_exactly)
{
	struct hot_keys keys = {0};
	const struct hot_key *top[2];

	for (int i = 0; i < 30; i++)
		hot_keys_add(&keys, i % 3 ? SLICE("a\0b") : SLICE(""));
	ck_assert_uint_eq(hot_keys_top(&keys, 2, top), 2);
	ck_assert(slice_equal(buf_slice(&top[0]->key), SLICE("a\0b")));
	ck_assert_double_eq(top[0]->count, 20);
	ck_assert_double_eq(top[1]->count, 10);
	hot_keys_release(&keys);
}
END_TEST

TEST_SUITE("hot_keys", frequent_keys_are_found_among_many, few_keys_are_counted_exactly)
