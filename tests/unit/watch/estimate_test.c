/* SPDX-License-Identifier: MIT */
#include "watch/estimate.h"

#include <math.h>

#include "../unit.h"
#include "base/random.h"

static bool holds(struct estimate estimate, double truth)
{
	return estimate.low <= truth && truth <= estimate.high;
}

/* By hand, from the formula in Newcombe's paper: 81 of 263, and 0 of 20, with correction. */
START_TEST(shares_are_those_of_the_published_examples)
{
	struct estimate some = estimate_share(81, 263, false), none = estimate_share(0, 20, false);
	struct estimate all = estimate_share(20, 20, false);

	ck_assert_double_eq_tol(some.value, 0.3080, 0.0001);
	ck_assert_double_eq_tol(some.low, 0.2535, 0.0001);
	ck_assert_double_eq_tol(some.high, 0.3682, 0.0001);
	ck_assert_double_eq(none.low, 0);
	ck_assert_double_eq_tol(none.high, 0.2005, 0.0001);
	ck_assert_double_eq_tol(all.low, 1 - 0.2005, 0.0001);
	ck_assert_double_eq(all.high, 1);
}
END_TEST

START_TEST(what_is_not_known_is_said)
{
	ck_assert_double_lt(estimate_share(0, 0, false).value, 0);
	ck_assert_double_lt(estimate_sum(0, 0, 0, 10, false).high, 0);
	ck_assert_double_eq(estimate_sum(5, 25, 1, 10, false).value, 50);
	ck_assert_double_lt(estimate_sum(5, 25, 1, 10, false).low, 0);
	ck_assert_double_lt(estimate_times(estimate_share(0, 0, false), 1e6).low, 0);
}
END_TEST

START_TEST(what_was_counted_has_no_interval)
{
	struct estimate share = estimate_share(1, 4, true), sum = estimate_sum(9, 41, 2, 2, true);

	ck_assert_double_eq(share.low, 0.25);
	ck_assert_double_eq(share.high, 0.25);
	ck_assert_double_eq(sum.low, 9);
	ck_assert_double_eq(sum.high, 9);
}
END_TEST

/* 100 samples of 20,000 from a million keys in 20 namespaces of 0.5 to 9.5 %. */
START_TEST(intervals_hold_the_truth_in_95_of_100_samples)
{
	enum { namespaces = 20, samples = 100, keys = 20000, weights = 210 };
	unsigned held = 0, sums_held = 0;
	uint64_t random = 2026;
	double worst = 0;

	for (unsigned sample = 0; sample < samples; sample++) {
		uint64_t counts[namespaces] = {0};
		double sum = 0, squares = 0;

		for (unsigned i = 0; i < keys; i++) {
			double at = random_unit(&random) * weights, bytes;
			/* Namespace n has the weight n + 1. */
			unsigned n = (unsigned)((sqrt(8 * at + 1) - 1) / 2);

			counts[n]++;
			bytes = n == 3 ? 50 + 1000 * random_unit(&random) : 0;
			sum += bytes;
			squares += bytes * bytes;
		}
		for (unsigned n = 0; n < namespaces; n++) {
			double truth = (n + 1.0) / weights;
			struct estimate share = estimate_share(counts[n], keys, false);

			held += holds(share, truth);
			worst = fmax(worst, fabs(share.value - truth));
		}
		sums_held += holds(
			estimate_sum(sum, squares, keys, 1e6, false), 4.0 / weights * 550 * 1e6);
	}
	ck_assert_uint_ge(held, namespaces * samples * 95 / 100);
	ck_assert_uint_ge(sums_held, 90);
	ck_assert_double_lt(worst, 0.02);
}
END_TEST

TEST_SUITE("estimate", shares_are_those_of_the_published_examples, what_is_not_known_is_said,
	what_was_counted_has_no_interval, intervals_hold_the_truth_in_95_of_100_samples)
