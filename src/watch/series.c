/* SPDX-License-Identifier: MIT */
/* A ring of points; see series.h. */
#include "watch/series.h"

#include <stdlib.h>
#include <string.h>

static const struct series_point *at(const struct series *series, size_t i)
{
	return &series->points[(series->first + i) % SERIES_POINTS];
}

static int64_t value(const struct series_point *point, size_t offset)
{
	int64_t v;

	memcpy(&v, (const char *)point + offset, sizeof v);
	return v;
}

static void drop_oldest(struct series *series)
{
	series->first = (series->first + 1) % SERIES_POINTS;
	series->count--;
}

void series_clear(struct series *series)
{
	series->first = series->count = 0;
}

void series_add(struct series *series, const struct series_point *point, int64_t seconds)
{
	if (series->count == SERIES_POINTS)
		drop_oldest(series);
	while (series->count && at(series, 0)->mono_ms < point->mono_ms - seconds * 1000)
		drop_oldest(series);
	series->points[(series->first + series->count++) % SERIES_POINTS] = *point;
}

/* Subtracting our own lookups a moment early can leave a small negative. */
static int64_t grown(const struct series *series, size_t offset)
{
	int64_t n = series->count < 2 ? 0
				      : value(at(series, series->count - 1), offset) -
						value(at(series, 0), offset);

	return n < 0 ? 0 : n;
}

int64_t series_lookups(const struct series *series)
{
	return grown(series, offsetof(struct series_point, hits)) +
	       grown(series, offsetof(struct series_point, misses));
}

double series_hit_rate(const struct series *series)
{
	int64_t lookups = series_lookups(series);

	return lookups ? (double)grown(series, offsetof(struct series_point, hits)) /
				 (double)lookups
		       : -1;
}

double series_rate(const struct series *series, size_t offset, int64_t seconds)
{
	if (series->count < 2)
		return -1;
	const struct series_point *newest = at(series, series->count - 1);
	size_t i = series->count - 2;

	while (i > 0 && at(series, i)->mono_ms > newest->mono_ms - seconds * 1000)
		i--;
	const struct series_point *from = at(series, i);
	int64_t ms = newest->mono_ms - from->mono_ms;
	int64_t growth = value(newest, offset) - value(from, offset);

	return ms > 0 && growth >= 0 ? (double)growth * 1000 / (double)ms : -1;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int64_t series_quantile(const struct series *series, size_t offset, double q)
{
	int64_t values[SERIES_POINTS];

	if (series->count == 0)
		return -1;
	for (size_t i = 0; i < series->count; i++)
		values[i] = value(at(series, i), offset);
	qsort(values, series->count, sizeof *values, compare);
	size_t rank = (size_t)(q * (double)(series->count - 1) + 0.5);
	return values[rank];
}
