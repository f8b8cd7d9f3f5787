/* SPDX-License-Identifier: MIT */
/*
 * The main figures of the last 24 hours, in fixed memory.
 *
 *	sample -> 900 points of 1 s -> 1,080 points of 10 s -> 1,440 points of 60 s
 *
 * A point is the mean of the samples in it; a point without samples is a gap. Time is the monotonic
 * clock's, so that a change of the wall clock neither loses nor doubles points.
 */
#ifndef CW_WATCH_HISTORY_H
#define CW_WATCH_HISTORY_H

#include "base/buf.h"
#include "base/fault.h"

/* X(NAME, "name in stats", decimals). Names are kept in state files: never use one anew. */
#define HISTORY_TABLE(X) \
	X(HITS, "hits_per_second", 1) \
	X(MISSES, "misses_per_second", 1) \
	X(COMMANDS, "commands_per_second", 1) \
	X(EXPIRED, "expired_per_second", 1) \
	X(EVICTED, "evicted_per_second", 1) \
	X(LATENCY, "latency_ms", 3) \
	X(USED_BYTES, "used_bytes", 0) \
	X(KEYS, "keys", 0) \
	X(CLIENTS, "clients", 0) \
	X(CACHE_HITS, "cache_hits_per_second", 1) \
	X(CACHE_MISSES, "cache_misses_per_second", 1) \
	X(LOADS, "loads_per_second", 1) \
	X(INVALIDATED_KEYS, "invalidated_keys_per_second", 1) \
	X(RSS_BYTES, "rss_bytes", 0) \
	X(LOOP_LAG, "loop_lag_ms", 3)

enum history_series {
#define X(name, text, decimals) HISTORY_##name,
	HISTORY_TABLE(X)
#undef X
		HISTORY_COUNT
};

enum {
	HISTORY_MAX_SECONDS = 24 * 3600,
	HISTORY_MAX_POINTS = 1440, /* of one answer, per series */
	HISTORY_FILE_MAX_BYTES = 1024 * 1024,
};

struct history;

/* It keeps `seconds`, at most HISTORY_MAX_SECONDS. */
struct history *history_new(int64_t seconds);
void history_free(struct history *history); /* may be NULL */

/*
 * Adds the values of the `covers_ms` before `mono_ms`, NAN for what is not known. Times must not
 * decrease.
 */
void history_add(struct history *history, int64_t mono_ms, int64_t covers_ms,
	const double values[HISTORY_COUNT]);

/* Which points an answer has: `count` of them, each `step` seconds, up to the newest one. */
struct history_range {
	size_t count;
	int64_t step;
	int64_t start_mono_ms; /* when the first one begins */
	size_t tier;	       /* history_value()'s */
};

/*
 * ERR_BAD_PARAMETER, with what would be accepted, unless the history has so many seconds in such
 * steps. `step` 0: the finest there are.
 */
enum error history_select(const struct history *history, int64_t now_mono_ms, int64_t seconds,
	int64_t step, struct history_range *ret, struct fault *fault);
/* The mean over point i of the range; NAN = a gap. */
double history_value(const struct history *history, const struct history_range *range,
	enum history_series series, size_t i);

/* Appends all of it, for history_load() in another process. */
void history_save(const struct history *history, int64_t mono_ms, int64_t wall_ms, struct buf *out);
/*
 * Takes a saved history over; what is older than is kept is dropped, and the time in between is a
 * gap. Call it before the first history_add(). NULL, or the end of a sentence: the bytes are
 * damaged or of another version, and nothing was taken.
 */
const char *history_load(
	struct history *history, struct slice saved, int64_t mono_ms, int64_t wall_ms);

#endif
