/* SPDX-License-Identifier: MIT */
#include "http/limit.h"

#include "../unit.h"

enum { ms = 1000000 };

START_TEST(a_burst_passes_and_then_one_per_interval)
{
	struct limit limit = {0};
	int wait_s = 0;

	for (int i = 0; i < 10; i++)
		ck_assert(limit_take(&limit, 100 * ms, 10, 5000 * (int64_t)ms, &wait_s));
	ck_assert(!limit_take(&limit, 100 * ms, 10, 5000 * (int64_t)ms, &wait_s));
	ck_assert_int_eq(wait_s, 1);
	ck_assert(!limit_take(&limit, 100 * ms, 10, 5099 * (int64_t)ms, &wait_s));
	ck_assert(limit_take(&limit, 100 * ms, 10, 5100 * (int64_t)ms, &wait_s));
	ck_assert(!limit_take(&limit, 100 * ms, 10, 5100 * (int64_t)ms, &wait_s));
}
END_TEST

START_TEST(the_wait_is_told_in_whole_seconds)
{
	struct limit limit = {0};
	int wait_s = 0;

	ck_assert(limit_take(&limit, 6000 * (int64_t)ms, 1, 0, &wait_s));
	ck_assert(!limit_take(&limit, 6000 * (int64_t)ms, 1, 0, &wait_s));
	ck_assert_int_eq(wait_s, 6);
	ck_assert(!limit_take(&limit, 6000 * (int64_t)ms, 1, 5500 * (int64_t)ms, &wait_s));
	ck_assert_int_eq(wait_s, 1);
}
END_TEST

START_TEST(what_was_refused_costs_nothing)
{
	struct limit limit = {0};

	ck_assert(limit_take(&limit, 10 * ms, 1, 0, NULL));
	for (int i = 0; i < 1000; i++)
		ck_assert(!limit_take(&limit, 10 * ms, 1, ms, NULL));
	ck_assert(!limit_idle(&limit, 9 * ms));
	ck_assert(limit_idle(&limit, 10 * ms));
	ck_assert(limit_take(&limit, 10 * ms, 1, 10 * ms, NULL));
}
END_TEST

TEST_SUITE("limit", a_burst_passes_and_then_one_per_interval, the_wait_is_told_in_whole_seconds,
	what_was_refused_costs_nothing)
