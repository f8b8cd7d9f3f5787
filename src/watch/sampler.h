/* SPDX-License-Identifier: MIT */
/*
 * The sampler: asks Redis for INFO once per interval, times it, and keeps what stats, health and
 * /metrics show, so that any number of pollers cost Redis nothing.
 *
 *	INFO -> struct redis_info -> rates over a window from deltas -> struct sample
 *
 * Deltas start anew when the server was restarted or its counters were reset.
 * EVENT_REDIS_FLUSHED is published when the database lost half of its keys or more since the sample
 * before, and either a flush command was run or the server is another process.
 */
#ifndef CW_WATCH_SAMPLER_H
#define CW_WATCH_SAMPLER_H

#include "cache/cache.h"
#include "redis/info.h"

enum { SAMPLER_WINDOW_SECONDS = 300, SAMPLER_RATE_SECONDS = 10 };

struct sample {
	bool known;	 /* whether Redis has answered an INFO yet; if not, `info` is unknown */
	int64_t mono_ms; /* when it did so last */
	struct redis_info info;
	/* Over the last SAMPLER_WINDOW_SECONDS, our own lookups subtracted; below 0 = not known. */
	double hit_rate;
	int64_t hits, misses; /* since the server's start, our own subtracted; -1 = not known */
	/* Over the last SAMPLER_RATE_SECONDS; below 0 = not known. */
	double commands_per_second, expired_per_second, evicted_per_second;
	/* Of INFO's round trip over the window; below 0 = not known. */
	double latency_p50_ms, latency_p99_ms, latency_max_ms;
	/* Of this process. */
	int64_t rss_bytes, open_fds; /* -1 = not known */
	double loop_lag_p99_ms;
};

struct sampler;

/*
 * Begins to sample at once. `tick` (may be NULL) is called after each sample: the one regular beat
 * of an idle daemon, for whoever has small things to look after. It must not park.
 */
struct sampler *sampler_new(struct cache *cache, void (*tick)(void *context), void *context);
/* The last sample; never NULL. Borrowed until the next turn. */
const struct sample *sampler_latest(const struct sampler *sampler);
/* Since the last answered INFO; -1 where there is none. */
int64_t sampler_age_ms(const struct sampler *sampler);
/* max_memory, or the configured memory_limit where Redis has none; 0 = no limit. */
int64_t sampler_memory_limit(const struct sampler *sampler);
/* Ends the sampling and frees it. Parks. */
void sampler_free(struct sampler *sampler);

#endif
