/* SPDX-License-Identifier: MIT */
/*
 * Counters over a sliding window: rates and ratios from deltas, quantiles from the values.
 *
 * Points are kept for SAMPLER_WINDOW_SECONDS, at most one a second. Pure.
 */
#ifndef CW_WATCH_WINDOW_H
#define CW_WATCH_WINDOW_H

#include <stddef.h>
#include <stdint.h>

enum { WINDOW_POINTS = 301 };

struct window_point {
	int64_t mono_ms;
	int64_t hits, misses; /* less our own */
	int64_t commands, expired, evicted;
	int64_t latency_us;
	int64_t lag_us;
};

/* A zeroed window is empty. */
struct window {
	struct window_point points[WINDOW_POINTS];
	size_t first, count;
};

/* Adds a point; drops those older than `seconds` before it, and the oldest when it is full. */
void window_add(struct window *window, const struct window_point *point, int64_t seconds);
void window_clear(struct window *window);
/* Hits over lookups between the oldest and the newest point; -1 without lookups. */
double window_hit_rate(const struct window *window);
/* Growth per second of the counter at `offset` over the last `seconds`; -1 with fewer than 2
 * points. */
double window_rate(const struct window *window, size_t offset, int64_t seconds);
/* The quantile q of the values at `offset`; -1 where there is none. */
int64_t window_quantile(const struct window *window, size_t offset, double q);

#endif
