/* SPDX-License-Identifier: MIT */
#include "watch/series.h"

#include "../unit.h"

static struct series series;

static void add(int64_t second, int64_t hits, int64_t misses)
{
	series_add(&series,
		&(struct series_point){.mono_ms = second * 1000,
			.hits = hits,
			.misses = misses,
			.commands = hits + misses,
			.latency_us = second},
		300);
}

START_TEST(nothing_is_known_before_two_points)
{
	series_clear(&series);
	ck_assert(series_hit_rate(&series) < 0);
	ck_assert(series_quantile(&series, offsetof(struct series_point, latency_us), 0.5) < 0);
	add(0, 1000, 1000);
	ck_assert(series_hit_rate(&series) < 0);
	ck_assert(series_rate(&series, offsetof(struct series_point, commands), 10) < 0);
	add(1, 1000, 1000);
	ck_assert(series_hit_rate(&series) < 0);
}
END_TEST

START_TEST(ratios_and_rates_are_computed_from_differences)
{
	series_clear(&series);
	add(0, 1000, 1000);
	add(10, 1090, 1010);
	ck_assert_double_eq_tol(series_hit_rate(&series), 0.9, 1e-9);
	add(20, 1090, 1020);
	ck_assert_double_eq_tol(
		series_rate(&series, offsetof(struct series_point, commands), 10), 1, 1e-9);
	ck_assert_double_eq_tol(
		series_rate(&series, offsetof(struct series_point, commands), 300), 5.5, 1e-9);
}
END_TEST

START_TEST(old_points_leave_the_window)
{
	series_clear(&series);
	add(0, 0, 100);
	for (int64_t s = 1; s <= 400; s++)
		add(s, s, 100);
	ck_assert_double_eq_tol(series_hit_rate(&series), 1, 1e-9);
	ck_assert_int_eq(
		series_quantile(&series, offsetof(struct series_point, latency_us), 1), 400);
	ck_assert_int_eq(
		series_quantile(&series, offsetof(struct series_point, latency_us), 0), 100);
	ck_assert_int_eq(
		series_quantile(&series, offsetof(struct series_point, latency_us), 0.5), 250);
}
END_TEST

TEST_SUITE("series", nothing_is_known_before_two_points,
	ratios_and_rates_are_computed_from_differences, old_points_leave_the_window)
