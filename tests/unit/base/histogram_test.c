/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"

START_TEST(small_values_are_exact)
{
	struct histogram h = {0};

	for (int i = 0; i < 16; i++)
		histogram_record(&h, i);
	ck_assert_uint_eq(histogram_quantile(&h, 0), 0);
	ck_assert_uint_eq(histogram_quantile(&h, 0.5), 7);
	ck_assert_uint_eq(histogram_quantile(&h, 1), 15);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_uint_eq(histogram_below(&h, i), i + 1);
}
END_TEST

START_TEST(an_empty_histogram_has_no_quantile)
{
	struct histogram h = {0};

	ck_assert_uint_eq(histogram_quantile(&h, 0.99), 0);
	ck_assert_uint_eq(histogram_below(&h, UINT64_MAX), 0);
}
END_TEST

START_TEST(every_bucket_is_in_order_and_holds_its_precision)
{
	uint64_t last = 0;

	for (uint64_t us = 1; us <= (uint64_t)1 << 36; us += 1 + us / 500) {
		struct histogram h = {0};

		histogram_record(&h, (int64_t)us);
		histogram_record(&h, (int64_t)1 << 36);
		uint64_t shown = histogram_quantile(&h, 0.5);
		ck_assert_uint_ge(shown, us);
		ck_assert_uint_le(shown, us + us / 16);
		ck_assert_uint_ge(shown, last);
		ck_assert_uint_ge(histogram_below(&h, us), 1);
		ck_assert_uint_eq(histogram_below(&h, us - us / 15 - 1), 0);
		last = shown;
	}
}
END_TEST

START_TEST(values_out_of_range_are_clamped)
{
	struct histogram h = {0};

	histogram_record(&h, -5);
	histogram_record(&h, INT64_MIN);
	histogram_record(&h, INT64_MAX);
	ck_assert_uint_eq(h.count, 3);
	ck_assert_uint_eq(h.max_us, (uint64_t)1 << 36);
	ck_assert_uint_eq(h.sum_us, (uint64_t)1 << 36);
	ck_assert_uint_eq(histogram_below(&h, 0), 2);
	ck_assert_uint_eq(histogram_below(&h, UINT64_MAX), 3);
	ck_assert_uint_eq(histogram_quantile(&h, 1), (uint64_t)1 << 36);
	histogram_clear(&h);
	ck_assert_uint_eq(h.count + h.sum_us + h.max_us + histogram_below(&h, UINT64_MAX), 0);
}
END_TEST

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(quantiles_agree_with_sorted_values)
{
	enum { count = 9999 };
	static const double shares[] = {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	static int64_t values[count];
	struct histogram a = {0}, b = {0};

	srandom(7);
	for (int i = 0; i < count; i++) {
		values[i] = (random() >> 4) >> random() % 27;
		histogram_record(i % 3 ? &a : &b, values[i]);
	}
	histogram_add(&a, &b);
	qsort(values, count, sizeof *values, ascending);
	ck_assert_uint_eq(a.count, count);
	ck_assert_uint_eq(a.max_us, (uint64_t)values[count - 1]);
	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
		int rank = (int)(shares[i] * count);
		int64_t exact = values[rank - (rank == count)];
		int64_t shown = (int64_t)histogram_quantile(&a, shares[i]);

		ck_assert_int_ge(shown, exact);
		ck_assert_int_le(shown, exact + exact / 16);
	}
}
END_TEST

TEST_SUITE("histogram", small_values_are_exact, an_empty_histogram_has_no_quantile,
	every_bucket_is_in_order_and_holds_its_precision, values_out_of_range_are_clamped,
	quantiles_agree_with_sorted_values)
