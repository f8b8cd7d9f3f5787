/* SPDX-License-Identifier: MIT */
/*
 * The sampler: reads INFO of each primary once per stats.interval, measures the round trip, and
 * keeps the values that stats, health and /metrics show, so that reading these costs Redis nothing.
 *
 *	INFO of each primary -> struct server_sample -> sums -> rates over a window -> struct sample
 *
 * After a restart of the one server or a reset of its counters, the window starts again. Of several
 * servers, one that comes, goes or starts again adds nothing to the rates of that moment.
 * EVENT_REDIS_FLUSHED is published when a server's database lost half of its keys or more since the
 * sample before, and either a flush command was run or the server is another process; as soon as
 * the server can be used. One that loads its data is judged afterwards.
 */
#ifndef CW_WATCH_SAMPLER_H
#define CW_WATCH_SAMPLER_H

#include "cache/cache.h"
#include "watch/server_sample.h"

enum { SAMPLER_WINDOW_SECONDS = 300, SAMPLER_RATE_SECONDS = 10 };

struct sample {
	bool known;	 /* Redis has answered an INFO; until then `info` is not known */
	int64_t mono_ms; /* when it last did; monotonic */
	/* Of the primaries that answered last: see info_sum_add(). Its lists are borrowed. */
	struct redis_info info;
	/* 0 to 1, over SAMPLER_WINDOW_SECONDS, without our own lookups; below 0 = not known. */
	double hit_rate;
	int64_t lookups;      /* in that window */
	int64_t hits, misses; /* since the servers' start, without our own; -1 = not known */
	/* Over SAMPLER_RATE_SECONDS; below 0 = not known. */
	double commands_per_second, expired_per_second, evicted_per_second;
	/* Of the round trip of INFO to the slowest primary, over the window; below 0 = not known.
	 */
	double latency_p50_ms, latency_p99_ms, latency_max_ms;
	int64_t latency_us; /* of the last round trip */
	/* Of this process. */
	int64_t lag_us;		     /* of the loop at this sample */
	int64_t rss_bytes, open_fds; /* -1 = not known */
	double loop_lag_p99_ms;
};

struct sampler;

/*
 * Begins to sample at once. `cache` is borrowed. `tick` (may be NULL) is called after each sample,
 * for small periodic work of the daemon. It must not park.
 */
struct sampler *sampler_new(struct cache *cache, void (*tick)(void *context), void *context);
/* The last sample; never NULL. Borrowed until the next turn. */
const struct sample *sampler_latest(const struct sampler *sampler);
/* What a primary answered in the last round; NULL if it did not. Borrowed until the next park. */
const struct server_sample *sampler_server(
	const struct sampler *sampler, const struct redis_node *node);
/* Milliseconds since the last answered INFO; -1 = there is none. */
int64_t sampler_age_ms(const struct sampler *sampler);
/* Redis's maxmemory in bytes (of all primaries), or redis.memory_limit if Redis has none; 0 = no
 * limit. */
int64_t sampler_memory_limit(const struct sampler *sampler);
/* Ends the fiber and frees the sampler. May be NULL. Parks. */
void sampler_free(struct sampler *sampler);

#endif
