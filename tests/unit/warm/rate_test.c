/* SPDX-License-Identifier: MIT */
#include "warm/rate.h"

#include "../unit.h"

static const int64_t ms = 1000000;

/* How many keys go within `for_ms`, asked every millisecond and as often as it lets us. */
static int64_t count(struct rate *rate, int64_t from_ns, int64_t for_ms)
{
	int64_t keys = 0;

	for (int64_t at = 0; at < for_ms; at++)
		while (rate_take(rate, from_ns + at * ms) == 0)
			keys++;
	return keys;
}

START_TEST(the_rate_is_kept_over_time)
{
	struct rate rate;

	rate_init(&rate, 5000, 7 * ms);
	int64_t keys = count(&rate, 7 * ms, 2000);

	ck_assert_int_ge(keys, 9990);
	ck_assert_int_le(keys, 10001);
}
END_TEST

START_TEST(a_pause_gives_no_burst_beyond_a_tenth_of_a_second)
{
	struct rate rate;

	rate_init(&rate, 5000, 0);
	ck_assert_int_eq(rate_take(&rate, 0), 0);
	ck_assert_int_gt(rate_take(&rate, 0), 0);
	int64_t keys = 0;
	while (rate_take(&rate, 60000 * ms) == 0)
		keys++;
	ck_assert_int_eq(keys, 500);
}
END_TEST

START_TEST(slow_rates_wait_for_whole_keys)
{
	struct rate rate;

	rate_init(&rate, 2, 0);
	ck_assert_int_eq(rate_take(&rate, 0), 0);
	int64_t wait = rate_take(&rate, 0);
	ck_assert_int_ge(wait, 499 * ms);
	ck_assert_int_le(wait, 501 * ms);
	ck_assert_int_eq(rate_take(&rate, wait), 0);
	ck_assert_int_gt(rate_take(&rate, wait), 0);
}
END_TEST

START_TEST(a_rate_of_zero_is_unlimited)
{
	struct rate rate;

	rate_init(&rate, 0, 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(rate_take(&rate, 0), 0);
}
END_TEST

TEST_SUITE("rate", the_rate_is_kept_over_time, a_pause_gives_no_burst_beyond_a_tenth_of_a_second,
	slow_rates_wait_for_whole_keys, a_rate_of_zero_is_unlimited)
