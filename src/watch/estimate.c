/* SPDX-License-Identifier: MIT */
/* Intervals of shares and sums; see estimate.h. */
#include "watch/estimate.h"

#include <math.h>

static const struct estimate unknown = {-1, -1, -1};

/* The quantile of the normal distribution for 95 %, both sides. */
static const double z = 1.959963984540054;

struct estimate estimate_share(uint64_t hits, uint64_t sampled, bool exact)
{
	double n = (double)sampled, p = (double)hits / n, q = 1 - p;

	if (sampled == 0)
		return unknown;
	if (exact)
		return (struct estimate){p, p, p};
	double low_root = z * z - 2 - 1 / n + 4 * p * (n * q + 1);
	double high_root = z * z + 2 - 1 / n + 4 * p * (n * q - 1);
	double low = (2 * n * p + z * z - 1 - z * sqrt(fmax(low_root, 0))) / (2 * (n + z * z));
	double high = (2 * n * p + z * z + 1 + z * sqrt(fmax(high_root, 0))) / (2 * (n + z * z));

	return (struct estimate){p, hits ? fmax(low, 0) : 0, hits < sampled ? fmin(high, 1) : 1};
}

struct estimate estimate_sum(double sum, double squares, uint64_t sampled, double total, bool exact)
{
	double n = (double)sampled, mean = sum / n;

	if (sampled == 0)
		return unknown;
	if (exact)
		return (struct estimate){sum, sum, sum};
	if (sampled == 1)
		return (struct estimate){mean * total, -1, -1};
	double variance = fmax(squares / n - mean * mean, 0) / (n - 1);
	double error = z * sqrt(variance);

	return (struct estimate){
		mean * total, fmax(mean - error, 0) * total, (mean + error) * total};
}

struct estimate estimate_times(struct estimate estimate, double factor)
{
	if (estimate.value < 0)
		return unknown;
	return (struct estimate){
		estimate.value * factor, estimate.low * factor, estimate.high * factor};
}
