/* SPDX-License-Identifier: MIT */
/*
 * Three rings of points; see history.h.
 *
 * A point's number is its second divided by the ring's step; the ring holds the points up to the
 * newest number. Seconds count from long before the process started, so that no number is negative.
 */
#include "watch/history.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { tier_count = 3, before_start_s = 2 * HISTORY_MAX_SECONDS };

static const struct {
	int64_t step, points;
} shapes[tier_count] = {{1, 900}, {10, 1080}, {60, 1440}};

struct tier {
	float *points[HISTORY_COUNT];
	int64_t newest;		   /* its number; 0 = the ring is empty */
	double sum[HISTORY_COUNT]; /* of the newest point */
	unsigned known[HISTORY_COUNT];
};

struct history {
	int64_t seconds;
	struct tier tiers[tier_count];
};

struct history *history_new(int64_t seconds)
{
	struct history *h = mem_new(struct history);

	assert(seconds <= HISTORY_MAX_SECONDS);
	h->seconds = seconds;
	for (size_t t = 0; t < tier_count; t++)
		for (size_t series = 0; series < HISTORY_COUNT; series++)
			h->tiers[t].points[series] =
				mem_array((size_t)shapes[t].points, sizeof(float));
	return h;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	for (size_t t = 0; t < tier_count; t++)
		for (size_t series = 0; series < HISTORY_COUNT; series++)
			mem_free(h->tiers[t].points[series]);
	mem_free(h);
}

static int64_t second_of(int64_t mono_ms)
{
	return before_start_s + mono_ms / 1000;
}

static float *place(const struct history *h, size_t t, size_t series, int64_t number)
{
	return &h->tiers[t].points[series][number % shapes[t].points];
}

static void clear(struct history *h, size_t t, int64_t number)
{
	for (size_t series = 0; series < HISTORY_COUNT; series++)
		*place(h, t, series, number) = NAN;
}

/* Makes `number` the newest point; what was skipped is a gap. */
static void go_to(struct history *h, size_t t, int64_t number)
{
	struct tier *tier = &h->tiers[t];
	int64_t from = number - shapes[t].points;

	if (number <= tier->newest)
		return;
	for (int64_t i = tier->newest > from ? tier->newest + 1 : from + 1; i <= number; i++)
		clear(h, t, i);
	tier->newest = number;
	memset(tier->sum, 0, sizeof tier->sum);
	memset(tier->known, 0, sizeof tier->known);
}

static void add_second(struct history *h, int64_t second, const double values[HISTORY_COUNT])
{
	for (size_t t = 0; t < tier_count; t++) {
		struct tier *tier = &h->tiers[t];

		go_to(h, t, second / shapes[t].step);
		for (size_t series = 0; series < HISTORY_COUNT; series++) {
			if (!isfinite(values[series]))
				continue;
			tier->sum[series] += values[series];
			tier->known[series]++;
			*place(h, t, series, tier->newest) =
				(float)(tier->sum[series] / tier->known[series]);
		}
	}
}

void history_add(
	struct history *h, int64_t mono_ms, int64_t covers_ms, const double values[HISTORY_COUNT])
{
	int64_t last = second_of(mono_ms), first = second_of(mono_ms - covers_ms) + 1;
	int64_t oldest = last - HISTORY_MAX_SECONDS;

	if (first > last)
		first = last;
	for (int64_t second = first > oldest ? first : oldest; second <= last; second++)
		add_second(h, second, values);
}

/* The finest ring that holds so many seconds. */
static size_t tier_for(int64_t seconds)
{
	size_t t = 0;

	while (t + 1 < tier_count && shapes[t].step * shapes[t].points < seconds)
		t++;
	return t;
}

enum error history_select(const struct history *h, int64_t now_mono_ms, int64_t seconds,
	int64_t step, struct history_range *ret, struct fault *fault)
{
	size_t t = tier_for(seconds);
	int64_t finest = shapes[t].step;

	if (seconds < 1 || seconds > h->seconds)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"the parameter history must be from 1s to %llds (stats.history)",
			(long long)h->seconds);
	step = step ? step : finest;
	if (step % finest || step > seconds)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"the parameter step must be a multiple of %llds, at most %llds, for a "
			"history of %llds",
			(long long)finest, (long long)seconds, (long long)seconds);
	int64_t newest = h->tiers[t].newest * finest;
	int64_t last = (newest ? newest : second_of(now_mono_ms)) / step;

	ret->tier = t;
	ret->step = step;
	ret->count = (size_t)((seconds + step - 1) / step);
	ret->start_mono_ms = ((last - (int64_t)ret->count + 1) * step - before_start_s) * 1000;
	return OK;
}

double history_value(const struct history *h, const struct history_range *range,
	enum history_series series, size_t i)
{
	const struct tier *tier = &h->tiers[range->tier];
	int64_t each = range->step / shapes[range->tier].step;
	int64_t first = (second_of(range->start_mono_ms) + (int64_t)i * range->step) /
			shapes[range->tier].step;
	double sum = 0;
	int64_t known = 0;

	for (int64_t number = first; number < first + each; number++) {
		if (number > tier->newest || number <= tier->newest - shapes[range->tier].points)
			continue;
		double value = (double)*place(h, range->tier, series, number);

		if (isfinite(value)) {
			sum += value;
			known++;
		}
	}
	return known ? sum / (double)known : (double)NAN;
}

/*
 * The file: a header, then for each ring its newest number, and for each series its points, oldest
 * first. Numbers are as this machine has them, for the file does not leave it.
 */
struct saved_header {
	char magic[16];
	uint8_t digest[SHA256_BYTES]; /* of the names of the series and of all that follows */
	int64_t mono_ms, wall_ms;
};

static const char magic[16] = "cw history 1\n";

static void digest_of(struct slice body, uint8_t ret[SHA256_BYTES])
{
	struct buf all = {0};

#define X(name, text, decimals) buf_str(&all, text "\n");
	HISTORY_TABLE(X)
#undef X
	buf_add(&all, body);
	crypto_sha256(buf_slice(&all), ret);
	buf_release(&all);
}

static size_t tier_bytes(size_t t)
{
	return sizeof(int64_t) + HISTORY_COUNT * (size_t)shapes[t].points * sizeof(float);
}

static size_t saved_bytes(void)
{
	size_t n = sizeof(struct saved_header);

	for (size_t t = 0; t < tier_count; t++)
		n += tier_bytes(t);
	return n;
}

static void save_tier(const struct history *h, size_t t, struct buf *out)
{
	int64_t newest = h->tiers[t].newest;

	buf_append(out, &newest, sizeof newest);
	for (size_t series = 0; series < HISTORY_COUNT; series++)
		for (int64_t i = newest + 1; i <= newest + shapes[t].points; i++)
			buf_append(out, place(h, t, series, i), sizeof(float));
}

void history_save(const struct history *h, int64_t mono_ms, int64_t wall_ms, struct buf *out)
{
	struct saved_header header = {.mono_ms = mono_ms, .wall_ms = wall_ms};
	const size_t begin = out->n, body = offsetof(struct saved_header, mono_ms);

	buf_reserve(out, saved_bytes());
	memcpy(header.magic, magic, sizeof magic);
	buf_append(out, &header, sizeof header);
	for (size_t t = 0; t < tier_count; t++)
		save_tier(h, t, out);
	digest_of(slice_skip(buf_slice(out), begin + body), header.digest);
	memcpy(out->p + begin, &header, sizeof header);
}

static const char *check(struct slice saved, struct saved_header *ret)
{
	uint8_t digest[SHA256_BYTES];

	if (saved.n != saved_bytes())
		return "has another length than this version's";
	memcpy(ret, saved.p, sizeof *ret);
	if (memcmp(ret->magic, magic, sizeof magic) != 0)
		return "is of another version";
	digest_of(slice_skip(saved, offsetof(struct saved_header, mono_ms)), digest);
	return memcmp(digest, ret->digest, sizeof digest) == 0 ? NULL : "is damaged";
}

/* The points of one ring, `shift` seconds later than they were. */
static void load_tier(struct history *h, size_t t, const char *from, int64_t shift)
{
	int64_t newest;

	memcpy(&newest, from, sizeof newest);
	from += sizeof newest;
	if (newest == 0)
		return;
	newest += shift / shapes[t].step;
	go_to(h, t, newest);
	for (size_t series = 0; series < HISTORY_COUNT; series++) {
		for (int64_t i = newest + 1; i <= newest + shapes[t].points; i++) {
			memcpy(place(h, t, series, i), from, sizeof(float));
			from += sizeof(float);
		}
	}
}

const char *history_load(struct history *h, struct slice saved, int64_t mono_ms, int64_t wall_ms)
{
	struct saved_header header;
	const char *why = check(saved, &header), *at = saved.p + sizeof header;
	int64_t away_ms = wall_ms - header.wall_ms;

	if (why)
		return why;
	/* The wall clock went back: how long the daemon was away is not known. */
	if (away_ms < 0)
		away_ms = 0;
	if (away_ms >= (int64_t)HISTORY_MAX_SECONDS * 1000)
		return NULL;
	for (size_t t = 0; t < tier_count; t++) {
		load_tier(h, t, at, (mono_ms - away_ms - header.mono_ms) / 1000);
		at += tier_bytes(t);
	}
	return NULL;
}
