/* SPDX-License-Identifier: MIT */
#include "redis/breaker.h"

#include "../unit.h"

static struct breaker breaker;

static void open_it(int64_t now_ms)
{
	breaker_init(&breaker, 5, 1000);
	for (int i = 0; i < 4; i++)
		ck_assert(!breaker_failure(&breaker, 1, now_ms));
	ck_assert(breaker_admits(&breaker));
	ck_assert(breaker_failure(&breaker, 1, now_ms));
	ck_assert(!breaker_admits(&breaker));
}

START_TEST(opens_after_as_many_failures_in_a_row)
{
	open_it(0);
	ck_assert_int_eq(breaker.state, BREAKER_OPEN);
	ck_assert_int_eq(breaker.failures, 5);
}
END_TEST

START_TEST(a_success_between_failures_keeps_it_closed)
{
	breaker_init(&breaker, 2, 1000);
	for (int i = 0; i < 10; i++) {
		ck_assert(!breaker_failure(&breaker, 1, i));
		ck_assert(!breaker_success(&breaker));
	}
	ck_assert(breaker_admits(&breaker));
}
END_TEST

START_TEST(a_heavy_failure_opens_it_at_once)
{
	breaker_init(&breaker, 5, 1000);
	ck_assert(breaker_failure(&breaker, 30, 0));
	ck_assert_int_eq(breaker.state, BREAKER_OPEN);
}
END_TEST

START_TEST(a_refusal_opens_it_at_once_and_counts_as_one_failure)
{
	breaker_init(&breaker, 5, 1000);
	ck_assert(breaker_refused(&breaker, 0));
	ck_assert_int_eq(breaker.state, BREAKER_OPEN);
	ck_assert(!breaker_refused(&breaker, 10));
	ck_assert_int_eq(breaker.failures, 2);
}
END_TEST

START_TEST(one_probe_goes_out_each_interval)
{
	open_it(5000);
	ck_assert(!breaker_probe(&breaker, 5999));
	ck_assert(breaker_probe(&breaker, 6000));
	ck_assert_int_eq(breaker.state, BREAKER_HALF_OPEN);
	ck_assert(!breaker_admits(&breaker));
	ck_assert(!breaker_probe(&breaker, 6999));
	/* Its outcome never came: the next one. */
	ck_assert(breaker_probe(&breaker, 7000));
	ck_assert(breaker_success(&breaker));
	ck_assert_int_eq(breaker.state, BREAKER_CLOSED);
	ck_assert(!breaker_probe(&breaker, 9000));
}
END_TEST

START_TEST(a_failed_probe_opens_it_for_another_interval)
{
	open_it(0);
	ck_assert(breaker_probe(&breaker, 1000));
	ck_assert(breaker_failure(&breaker, 1, 1500));
	ck_assert_int_eq(breaker.state, BREAKER_OPEN);
	ck_assert(!breaker_probe(&breaker, 2499));
	ck_assert(breaker_probe(&breaker, 2500));
}
END_TEST

TEST_SUITE("breaker", opens_after_as_many_failures_in_a_row,
	a_success_between_failures_keeps_it_closed, a_heavy_failure_opens_it_at_once,
	a_refusal_opens_it_at_once_and_counts_as_one_failure, one_probe_goes_out_each_interval,
	a_failed_probe_opens_it_for_another_interval)
