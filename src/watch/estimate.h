/* SPDX-License-Identifier: MIT */
/*
 * What a random sample says of all keys, with 95 % intervals.
 *
 * A share is a binomial proportion. Its interval is Wilson's score interval (E. B. Wilson, Probable
 * inference, the law of succession, and statistical inference, JASA 22, 1927) with continuity
 * correction (R. G. Newcombe, Two-sided confidence intervals for the single proportion: comparison
 * of seven methods, Statistics in Medicine 17, 1998, method 4): also for rare namespaces, and for
 * those that the sample has not met, it holds the true share in at least 95 of 100 samples on
 * average.
 *
 * A sum (bytes) is the mean of the sample times the number of keys; its interval is that of the
 * normal distribution (W. G. Cochran, Sampling Techniques, 3rd edition, 1977, section 2.8). Where a
 * few huge values make up most of the sum and the sample met only some of them, it is too narrow.
 */
#ifndef CW_WATCH_ESTIMATE_H
#define CW_WATCH_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

struct estimate {
	double value, low, high; /* below 0 = not known */
};

/* The share 0..1 of what `hits` of `sampled` random keys were. Exact: all keys were looked at. */
struct estimate estimate_share(uint64_t hits, uint64_t sampled, bool exact);
/*
 * The sum of a figure over `total` keys, if `sum` is that over `sampled` random ones, and `squares`
 * the sum of its squares.
 */
struct estimate estimate_sum(
	double sum, double squares, uint64_t sampled, double total, bool exact);
/* Each of the three, times a factor. */
struct estimate estimate_times(struct estimate estimate, double factor);

#endif
