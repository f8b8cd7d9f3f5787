/* SPDX-License-Identifier: MIT */
#include "base/breaker.h"

#include "../unit.h"

static struct breaker b;
static int64_t now;

static void begin(int64_t threshold, int64_t open_ms, unsigned tries)
{
	b = (struct breaker){0};
	now = 1000;
	breaker_configure(&b, threshold, open_ms, tries);
}

static bool enters(uint64_t key)
{
	int64_t wait_ms;

	return breaker_enter(&b, key, now, &wait_ms);
}

/* Milliseconds until `key` may be tried. */
static int64_t wait_of(uint64_t key)
{
	int64_t wait_ms = -1;

	ck_assert(!breaker_enter(&b, key, now, &wait_ms));
	return wait_ms;
}

static void fails(uint64_t key)
{
	ck_assert(enters(key));
	breaker_failed(&b, key, 1, now);
}

static void state_is(enum breaker_state state, int64_t failures)
{
	ck_assert_str_eq(breaker_state_name(breaker_state(&b, now)), breaker_state_name(state));
	ck_assert_int_eq(b.failures, failures);
}

START_TEST(opens_after_consecutive_failures)
{
	begin(5, 1000, 1);
	for (int i = 0; i < 4; i++)
		fails(BREAKER_NO_KEY);
	state_is(BREAKER_CLOSED, 4);
	fails(BREAKER_NO_KEY);
	state_is(BREAKER_OPEN, 5);
	ck_assert_int_eq(wait_of(BREAKER_NO_KEY), 1000);
	/* What fails while it is open counts, and does not keep it open. */
	now += 999;
	breaker_failed(&b, BREAKER_NO_KEY, 1, now);
	state_is(BREAKER_OPEN, 6);
	now++;
	state_is(BREAKER_HALF_OPEN, 6);
}
END_TEST

START_TEST(a_success_between_failures_keeps_it_closed)
{
	begin(2, 1000, 1);
	for (int i = 0; i < 10; i++) {
		fails(BREAKER_NO_KEY);
		state_is(BREAKER_CLOSED, 1);
		breaker_succeeded(&b);
		state_is(BREAKER_CLOSED, 0);
	}
}
END_TEST

START_TEST(a_heavy_failure_opens_it_at_once)
{
	begin(5, 1000, 1);
	breaker_failed(&b, BREAKER_NO_KEY, 30, now);
	state_is(BREAKER_OPEN, 30);
}
END_TEST

START_TEST(a_trip_opens_it_at_once_and_counts_as_one_failure)
{
	begin(5, 1000, 1);
	breaker_trip(&b, now);
	state_is(BREAKER_OPEN, 1);
	now += 600;
	breaker_trip(&b, now);
	state_is(BREAKER_OPEN, 2);
	ck_assert_int_eq(wait_of(BREAKER_NO_KEY), 400);
	now += 400;
	breaker_trip(&b, now);
	state_is(BREAKER_OPEN, 3);
}
END_TEST

START_TEST(half_open_one_try_decides_where_there_are_no_keys)
{
	begin(1, 1000, 1);
	fails(BREAKER_NO_KEY);
	now += 1000;
	ck_assert(enters(BREAKER_NO_KEY));
	ck_assert_int_eq(wait_of(BREAKER_NO_KEY), 0);
	now += 500;
	breaker_failed(&b, BREAKER_NO_KEY, 1, now);
	state_is(BREAKER_OPEN, 2);
	ck_assert_int_eq(wait_of(BREAKER_NO_KEY), 1000);
	now += 1000;
	ck_assert(enters(BREAKER_NO_KEY));
	breaker_succeeded(&b);
	state_is(BREAKER_CLOSED, 0);
	ck_assert(enters(BREAKER_NO_KEY));
}
END_TEST

START_TEST(one_key_alone_never_opens_it)
{
	begin(3, 5000, 3);
	for (int i = 0; i < 20; i++)
		fails(7);
	state_is(BREAKER_CLOSED, 1);
	fails(8);
	fails(7);
	state_is(BREAKER_CLOSED, 2);
	ck_assert(enters(9));
	breaker_left(&b, 9);
	state_is(BREAKER_CLOSED, 2);
	fails(9);
	state_is(BREAKER_OPEN, 3);
}
END_TEST

static void open_by_keys(void)
{
	begin(3, 5000, 3);
	for (uint64_t key = 1; key <= 3; key++)
		fails(key);
	state_is(BREAKER_OPEN, 3);
}

START_TEST(what_began_before_it_opened_does_not_keep_it_open)
{
	open_by_keys();
	now += 4000;
	breaker_failed(&b, 5, 1, now);
	state_is(BREAKER_OPEN, 3);
	ck_assert_int_eq(wait_of(4), 1000);
	now += 1000;
	breaker_failed(&b, 5, 1, now);
	state_is(BREAKER_HALF_OPEN, 3);
	breaker_succeeded(&b);
	state_is(BREAKER_CLOSED, 0);
	ck_assert(enters(4));
}
END_TEST

START_TEST(half_open_a_bad_key_does_not_take_the_place_of_others)
{
	open_by_keys();
	now += 5000;
	fails(1);
	state_is(BREAKER_HALF_OPEN, 3);
	ck_assert_int_eq(wait_of(1), 5000);
	ck_assert(enters(10));
	ck_assert(!enters(10));
	breaker_succeeded(&b);
	state_is(BREAKER_CLOSED, 0);
	ck_assert(enters(1));
}
END_TEST

START_TEST(half_open_only_a_few_keys_are_tried_at_a_time)
{
	open_by_keys();
	now += 5000;
	for (uint64_t key = 1; key <= 3; key++)
		ck_assert(enters(key));
	ck_assert_int_eq(wait_of(9), 0);
	/* One that ends without a result makes room. */
	breaker_left(&b, 2);
	ck_assert(enters(9));
	breaker_failed(&b, 9, 1, now);
	breaker_failed(&b, 1, 1, now);
	state_is(BREAKER_HALF_OPEN, 3);
	breaker_failed(&b, 3, 1, now);
	state_is(BREAKER_OPEN, 3);
	now += 5000;
	ck_assert(enters(1));
}
END_TEST

START_TEST(half_open_a_single_key_is_tried_again)
{
	open_by_keys();
	now += 5000;
	for (int i = 0; i < 5; i++) {
		fails(1);
		now += 4999;
		ck_assert_int_eq(wait_of(1), 1);
		now++;
	}
	state_is(BREAKER_HALF_OPEN, 3);
}
END_TEST

TEST_SUITE("breaker", opens_after_consecutive_failures, a_success_between_failures_keeps_it_closed,
	a_heavy_failure_opens_it_at_once, a_trip_opens_it_at_once_and_counts_as_one_failure,
	half_open_one_try_decides_where_there_are_no_keys, one_key_alone_never_opens_it,
	what_began_before_it_opened_does_not_keep_it_open,
	half_open_a_bad_key_does_not_take_the_place_of_others,
	half_open_only_a_few_keys_are_tried_at_a_time, half_open_a_single_key_is_tried_again)
