/* SPDX-License-Identifier: MIT */
/*
 * A latency histogram of fixed size: log-linear buckets, 16 to each power of two, so that a
 * quantile is right to about 6 %. After HdrHistogram (Gil Tene). Values are microseconds, 0 ..
 * 2^36.
 */
#ifndef CW_BASE_HISTOGRAM_H
#define CW_BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 16 * 34 };

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t count;
	uint64_t sum_us;
	uint64_t max_us;
};

void histogram_record(struct histogram *h, int64_t us); /* kept within 0 .. 2^36 */
void histogram_clear(struct histogram *h);
void histogram_add(struct histogram *to, const struct histogram *from);
/* Takes the records of `older`, an earlier state of the same histogram, away. */
void histogram_subtract(struct histogram *from, const struct histogram *older);
/* The value at or below which the share q (0..1) of the records lies; 0 without records. */
uint64_t histogram_quantile(const struct histogram *h, double q);
/* How many records lie at or below `us` (to the bucket's precision). */
uint64_t histogram_below(const struct histogram *h, uint64_t us);

/* The same for ascending bounds, such as Prometheus's, in one pass over the buckets. */
struct histogram_sweep {
	unsigned next; /* bucket */
	uint64_t seen;
};
/* `sweep` begins zeroed; no `us` is less than the one before. */
uint64_t histogram_sweep(const struct histogram *h, struct histogram_sweep *sweep, uint64_t us);

#endif
