/* SPDX-License-Identifier: MIT */
/*
 * Samples over a sliding window: rates and ratios of counters, quantiles of values. Points are kept
 * for SAMPLER_WINDOW_SECONDS, at most one a second.
 */
#ifndef CW_WATCH_SERIES_H
#define CW_WATCH_SERIES_H

#include <stddef.h>
#include <stdint.h>

enum { SERIES_POINTS = 301 };

struct series_point {
	int64_t mono_ms;
	int64_t hits, misses; /* without our own */
	int64_t commands, expired, evicted;
	int64_t latency_us;
	int64_t lag_us;
};

/* A zeroed series is empty. */
struct series {
	struct series_point points[SERIES_POINTS];
	size_t first, count;
};

/* Adds a point; drops those older than `seconds` before it, and the oldest when it is full. */
void series_add(struct series *series, const struct series_point *point, int64_t seconds);
void series_clear(struct series *series);
/* Hits / lookups between the oldest and the newest point; -1 = no lookups. */
double series_hit_rate(const struct series *series);
/* How many lookups that is over; 0 = none, or not known. */
int64_t series_lookups(const struct series *series);
/* Growth per second of the counter at `offset` over the last `seconds`; -1 = not known. */
double series_rate(const struct series *series, size_t offset, int64_t seconds);
/* The quantile q (0 to 1) of the values at `offset`; -1 = no points. */
int64_t series_quantile(const struct series *series, size_t offset, double q);

#endif
