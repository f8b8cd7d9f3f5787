/* SPDX-License-Identifier: MIT */
#include "watch/history.h"

#include <math.h>

#include "../unit.h"
#include "base/mem.h"

static struct history *history;

static void begin(void)
{
	history = history_new(HISTORY_MAX_SECONDS);
}

static void end(void)
{
	history_free(history);
}

/* A value for each second of from..to. */
static void fill(int64_t from, int64_t to, double value)
{
	double values[HISTORY_COUNT];

	for (size_t i = 0; i < HISTORY_COUNT; i++)
		values[i] = value;
	for (int64_t second = from; second <= to; second++)
		history_add(history, second * 1000, 1000, values);
}

static struct history_range range_of(int64_t seconds, int64_t step)
{
	struct history_range range;
	struct fault fault;

	ck_assert_int_eq(history_select(history, 0, seconds, step, &range, &fault), OK);
	return range;
}

static double at(const struct history_range *range, size_t i)
{
	return history_value(history, range, HISTORY_KEYS, i);
}

START_TEST(each_second_is_a_point_up_to_fifteen_minutes)
{
	begin();
	fill(1, 1000, 7);
	fill(1001, 1001, 9);
	struct history_range range = range_of(900, 0);

	ck_assert_uint_eq(range.count, 900);
	ck_assert_int_eq(range.step, 1);
	ck_assert_int_eq(range.start_mono_ms, 102 * 1000);
	ck_assert_double_eq(at(&range, 0), 7);
	ck_assert_double_eq(at(&range, 898), 7);
	ck_assert_double_eq(at(&range, 899), 9);
	end();
}
END_TEST

START_TEST(longer_spans_have_means_of_ten_and_sixty_seconds)
{
	begin();
	fill(0, 86399, 2);
	fill(86400, 86429, 5);
	struct history_range ten = range_of(901, 0), sixty = range_of(86400, 0);

	ck_assert_int_eq(ten.step, 10);
	ck_assert_uint_eq(ten.count, 91);
	ck_assert_double_eq(at(&ten, 90), 5);
	ck_assert_double_eq(at(&ten, 87), 2);
	ck_assert_int_eq(sixty.step, 60);
	ck_assert_uint_eq(sixty.count, HISTORY_MAX_POINTS);
	ck_assert_double_eq(at(&sixty, 1438), 2);
	ck_assert_double_eq(at(&sixty, 1439), 5);
	end();
}
END_TEST

START_TEST(a_coarser_step_is_the_mean_of_its_points)
{
	begin();
	fill(0, 9, 1);
	fill(10, 19, 3);
	struct history_range range = range_of(20, 20);

	ck_assert_uint_eq(range.count, 1);
	ck_assert_double_eq(at(&range, 0), 2);
	end();
}
END_TEST

START_TEST(seconds_without_samples_are_gaps_and_are_not_counted_in_means)
{
	begin();
	fill(0, 9, 4);
	fill(15, 19, 8);
	struct history_range seconds = range_of(20, 0), tens = range_of(20, 10);

	ck_assert_double_eq(at(&seconds, 9), 4);
	for (size_t i = 10; i < 15; i++)
		ck_assert(isnan(at(&seconds, i)));
	ck_assert_double_eq(at(&seconds, 15), 8);
	ck_assert_double_eq(at(&tens, 1), 8);
	end();
}
END_TEST

START_TEST(a_pause_longer_than_the_rings_leaves_nothing_of_before)
{
	begin();
	fill(0, 2000, 1);
	fill(2000 + 2 * HISTORY_MAX_SECONDS, 2000 + 2 * HISTORY_MAX_SECONDS, 2);
	struct history_range range = range_of(HISTORY_MAX_SECONDS, 0);

	for (size_t i = 0; i + 1 < range.count; i++)
		ck_assert(isnan(at(&range, i)));
	ck_assert_double_eq(at(&range, range.count - 1), 2);
	end();
}
END_TEST

START_TEST(a_sample_fills_all_seconds_that_it_covers)
{
	double values[HISTORY_COUNT] = {[HISTORY_KEYS] = 6};

	begin();
	history_add(history, 5000, 1000, values);
	history_add(history, 10000, 5000, values);
	struct history_range range = range_of(6, 0);

	for (size_t i = 0; i < 6; i++)
		ck_assert_double_eq(at(&range, i), 6);
	end();
}
END_TEST

START_TEST(what_is_not_kept_is_refused_with_what_is)
{
	static const struct {
		int64_t seconds, step;
	} bad[] = {{0, 0}, {-1, 0}, {HISTORY_MAX_SECONDS + 1, 0}, {900, 901}, {901, 1}, {901, 15},
		{10801, 10}, {86400, 90}, {30, 60}};
	struct history_range range;
	struct fault fault;

	begin();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_int_eq(
			history_select(history, 0, bad[i].seconds, bad[i].step, &range, &fault),
			ERR_BAD_PARAMETER);
	end();
}
END_TEST

/* Saved at 3,600 s of one boot, loaded at `mono_s` of another one, `away_s` later. */
static const char *reload(int64_t mono_s, int64_t away_s, struct buf *saved)
{
	history_save(history, 3600 * 1000, 1000000000, saved);
	history_free(history);
	history = history_new(HISTORY_MAX_SECONDS);
	return history_load(history, buf_slice(saved), mono_s * 1000, 1000000000 + away_s * 1000);
}

START_TEST(a_restart_is_a_gap_in_what_was_kept)
{
	struct buf saved = {0};

	begin();
	fill(0, 3600, 5);
	ck_assert_ptr_null(reload(100, 20, &saved));
	fill(100, 109, 9);
	struct history_range range = range_of(60, 0);

	ck_assert_double_eq(at(&range, 29), 5);
	for (size_t i = 31; i < 49; i++)
		ck_assert(isnan(at(&range, i)));
	ck_assert_double_eq(at(&range, 59), 9);
	range = range_of(3600, 10);
	ck_assert_double_eq(at(&range, 0), 5);
	buf_release(&saved);
	end();
}
END_TEST

START_TEST(a_clock_that_went_back_keeps_the_history)
{
	struct buf saved = {0};

	begin();
	fill(0, 3600, 5);
	ck_assert_ptr_null(reload(7000, -5000, &saved));
	fill(7001, 7001, 9);
	struct history_range range = range_of(60, 0);

	ck_assert_double_eq(at(&range, 58), 5);
	ck_assert_double_eq(at(&range, 59), 9);
	buf_release(&saved);
	end();
}
END_TEST

START_TEST(what_is_older_than_a_day_is_dropped)
{
	struct buf saved = {0};

	begin();
	fill(0, 3600, 5);
	ck_assert_ptr_null(reload(10, HISTORY_MAX_SECONDS, &saved));
	struct history_range range = range_of(HISTORY_MAX_SECONDS, 0);

	for (size_t i = 0; i < range.count; i++)
		ck_assert(isnan(at(&range, i)));
	buf_release(&saved);
	end();
}
END_TEST

START_TEST(a_changed_or_cut_file_is_refused_as_a_whole)
{
	struct buf saved = {0};

	begin();
	fill(0, 3600, 5);
	history_save(history, 3600 * 1000, 1000000000, &saved);
	history_free(history);
	begin();
	for (size_t i = 0; i < saved.n; i += i < 100 ? 1 : 4999) {
		saved.p[i] ^= 1;
		ck_assert_ptr_nonnull(
			history_load(history, buf_slice(&saved), 3600 * 1000, 1000000000));
		saved.p[i] ^= 1;
		ck_assert_ptr_nonnull(
			history_load(history, slice_of(saved.p, i), 3600 * 1000, 1000000000));
	}
	buf_char(&saved, 'x');
	ck_assert_ptr_nonnull(history_load(history, buf_slice(&saved), 3600 * 1000, 1000000000));
	struct history_range range = range_of(HISTORY_MAX_SECONDS, 0);

	for (size_t i = 0; i < range.count; i++)
		ck_assert(isnan(at(&range, i)));
	buf_release(&saved);
	end();
}
END_TEST

TEST_SUITE("history", each_second_is_a_point_up_to_fifteen_minutes,
	longer_spans_have_means_of_ten_and_sixty_seconds, a_coarser_step_is_the_mean_of_its_points,
	seconds_without_samples_are_gaps_and_are_not_counted_in_means,
	a_pause_longer_than_the_rings_leaves_nothing_of_before,
	a_sample_fills_all_seconds_that_it_covers, what_is_not_kept_is_refused_with_what_is,
	a_restart_is_a_gap_in_what_was_kept, a_clock_that_went_back_keeps_the_history,
	what_is_older_than_a_day_is_dropped, a_changed_or_cut_file_is_refused_as_a_whole)
