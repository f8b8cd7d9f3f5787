/* SPDX-License-Identifier: MIT */
/* A ring of points; see window.h. */
#include "watch/window.h"

#include <stdlib.h>
#include <string.h>

static const struct window_point *at(const struct window *window, size_t i)
{
	return &window->points[(window->first + i) % WINDOW_POINTS];
}

static int64_t value(const struct window_point *point, size_t offset)
{
	int64_t v;

	memcpy(&v, (const char *)point + offset, sizeof v);
	return v;
}

static void drop_oldest(struct window *window)
{
	window->first = (window->first + 1) % WINDOW_POINTS;
	window->count--;
}

void window_clear(struct window *window)
{
	window->first = window->count = 0;
}

void window_add(struct window *window, const struct window_point *point, int64_t seconds)
{
	if (window->count == WINDOW_POINTS)
		drop_oldest(window);
	while (window->count && at(window, 0)->mono_ms < point->mono_ms - seconds * 1000)
		drop_oldest(window);
	window->points[(window->first + window->count++) % WINDOW_POINTS] = *point;
}

double window_hit_rate(const struct window *window)
{
	if (window->count < 2)
		return -1;
	const struct window_point *oldest = at(window, 0), *newest = at(window, window->count - 1);
	int64_t hits = newest->hits - oldest->hits, misses = newest->misses - oldest->misses;

	/* Subtracting our own lookups a moment early can leave a small negative. */
	if (hits < 0)
		hits = 0;
	if (misses < 0)
		misses = 0;
	return hits + misses > 0 ? (double)hits / (double)(hits + misses) : -1;
}

double window_rate(const struct window *window, size_t offset, int64_t seconds)
{
	if (window->count < 2)
		return -1;
	const struct window_point *newest = at(window, window->count - 1), *from = NULL;

	for (size_t i = window->count - 1; i-- > 0;) {
		from = at(window, i);
		if (from->mono_ms <= newest->mono_ms - seconds * 1000)
			break;
	}
	int64_t ms = newest->mono_ms - from->mono_ms;
	int64_t grown = value(newest, offset) - value(from, offset);

	return ms > 0 && grown >= 0 ? (double)grown * 1000 / (double)ms : -1;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int64_t window_quantile(const struct window *window, size_t offset, double q)
{
	int64_t values[WINDOW_POINTS];

	if (window->count == 0)
		return -1;
	for (size_t i = 0; i < window->count; i++)
		values[i] = value(at(window, i), offset);
	qsort(values, window->count, sizeof *values, compare);
	size_t rank = (size_t)(q * (double)(window->count - 1) + 0.5);
	return values[rank];
}
