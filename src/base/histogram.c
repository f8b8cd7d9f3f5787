/* SPDX-License-Identifier: MIT */
/*
 * The latency histogram; see histogram.h.
 *
 *	0..15     one bucket each
 *	16..31    16 buckets of 1           the bucket of v: the place of its highest bit,
 *	32..63    16 buckets of 2           then the four bits below that
 *	64..127   16 buckets of 4
 */
#include "base/histogram.h"

#include <string.h>

#define LARGEST ((uint64_t)1 << 36)

static unsigned bucket_of(uint64_t us)
{
	if (us < 16)
		return (unsigned)us;
	unsigned power = 63 - (unsigned)__builtin_clzll(us);

	return (power - 3) * 16 + (unsigned)(us >> (power - 4) & 15);
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_top(unsigned bucket)
{
	if (bucket < 16)
		return bucket;
	unsigned power = bucket / 16 + 3;

	return ((uint64_t)(bucket % 16 + 17) << (power - 4)) - 1;
}

void histogram_record(struct histogram *h, int64_t us)
{
	uint64_t value = us < 0 ? 0 : (uint64_t)us;

	if (value > LARGEST)
		value = LARGEST;
	h->counts[bucket_of(value)]++;
	h->count++;
	h->sum_us += value;
	if (value > h->max_us)
		h->max_us = value;
}

void histogram_clear(struct histogram *h)
{
	memset(h, 0, sizeof *h);
}

void histogram_add(struct histogram *to, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->counts[i] += from->counts[i];
	to->count += from->count;
	to->sum_us += from->sum_us;
	if (from->max_us > to->max_us)
		to->max_us = from->max_us;
}

void histogram_subtract(struct histogram *from, const struct histogram *older)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		from->counts[i] -= older->counts[i];
	from->count -= older->count;
	from->sum_us -= older->sum_us;
}

/* Which record, counted from 1 in order of size, has the share q at or below it. */
static uint64_t rank_of(const struct histogram *h, double q)
{
	double exact = q * (double)h->count;
	uint64_t rank = exact <= 1 ? 1 : (uint64_t)exact;

	if ((double)rank < exact)
		rank++;
	return rank > h->count ? h->count : rank;
}

uint64_t histogram_quantile(const struct histogram *h, double q)
{
	uint64_t seen = 0;

	if (h->count == 0)
		return 0;
	uint64_t rank = rank_of(h, q);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= rank)
			return bucket_top(i) < h->max_us ? bucket_top(i) : h->max_us;
	}
	return h->max_us;
}

uint64_t histogram_sweep(const struct histogram *h, struct histogram_sweep *sweep, uint64_t us)
{
	unsigned last = bucket_of(us > LARGEST ? LARGEST : us);

	/* Most records are small: what lies above the largest need not be looked at. */
	for (; sweep->next <= last && sweep->seen < h->count; sweep->next++)
		sweep->seen += h->counts[sweep->next];
	return sweep->seen;
}

uint64_t histogram_below(const struct histogram *h, uint64_t us)
{
	return histogram_sweep(h, &(struct histogram_sweep){0}, us);
}
