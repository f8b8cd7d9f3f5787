/* SPDX-License-Identifier: MIT */
#include "watch/window.h"

#include "../unit.h"

static struct window window;

static void add(int64_t second, int64_t hits, int64_t misses)
{
	window_add(&window,
		&(struct window_point){.mono_ms = second * 1000,
			.hits = hits,
			.misses = misses,
			.commands = hits + misses,
			.latency_us = second},
		300);
}

START_TEST(nothing_is_known_before_two_points)
{
	window_clear(&window);
	ck_assert(window_hit_rate(&window) < 0);
	ck_assert(window_quantile(&window, offsetof(struct window_point, latency_us), 0.5) < 0);
	add(0, 1000, 1000);
	ck_assert(window_hit_rate(&window) < 0);
	ck_assert(window_rate(&window, offsetof(struct window_point, commands), 10) < 0);
	add(1, 1000, 1000);
	ck_assert(window_hit_rate(&window) < 0);
}
END_TEST

START_TEST(ratios_and_rates_come_from_deltas)
{
	window_clear(&window);
	add(0, 1000, 1000);
	add(10, 1090, 1010);
	ck_assert_double_eq_tol(window_hit_rate(&window), 0.9, 1e-9);
	add(20, 1090, 1020);
	ck_assert_double_eq_tol(
		window_rate(&window, offsetof(struct window_point, commands), 10), 1, 1e-9);
	ck_assert_double_eq_tol(
		window_rate(&window, offsetof(struct window_point, commands), 300), 5.5, 1e-9);
}
END_TEST

START_TEST(old_points_leave_the_window)
{
	window_clear(&window);
	add(0, 0, 100);
	for (int64_t s = 1; s <= 400; s++)
		add(s, s, 100);
	ck_assert_double_eq_tol(window_hit_rate(&window), 1, 1e-9);
	ck_assert_int_eq(
		window_quantile(&window, offsetof(struct window_point, latency_us), 1), 400);
	ck_assert_int_eq(
		window_quantile(&window, offsetof(struct window_point, latency_us), 0), 100);
	ck_assert_int_eq(
		window_quantile(&window, offsetof(struct window_point, latency_us), 0.5), 250);
}
END_TEST

TEST_SUITE("window", nothing_is_known_before_two_points, ratios_and_rates_come_from_deltas,
	old_points_leave_the_window)
