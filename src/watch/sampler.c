/* SPDX-License-Identifier: MIT */
/* A fiber that reads INFO, computes rates and sleeps; see sampler.h. */
#include "watch/sampler.h"

#include <string.h>

#include "base/mem.h"
#include "watch/process.h"
#include "watch/series.h"

/* Counting descriptors reads a directory: too slow for each second with 10,000 connections. */
enum { process_every = 5 };

struct sampler {
	struct cache *cache;
	void (*tick)(void *context);
	void *tick_context;
	struct fiber_group group;
	struct sample sample;
	struct series series;
	uint64_t sequence;
	int64_t lag_us; /* how late the last sleep ended */
	/* Our own lookups that the server's counters do not hold: they came before it began to
	 * count. */
	int64_t own_hits_before, own_misses_before;
};

static void observe_process(struct sampler *s)
{
	struct metrics *m = s->cache->metrics;

	if (s->sequence % process_every == 0) {
		s->sample.rss_bytes = process_rss_bytes();
		s->sample.open_fds = process_open_fds();
	}
	s->sample.lag_us = s->lag_us;
	metric_observe_us(m, METRIC_LOOP_LAG, NULL, s->lag_us);
	metric_set(m, METRIC_RESIDENT_BYTES, NULL, NULL, (double)s->sample.rss_bytes);
	metric_set(m, METRIC_OPEN_FDS, NULL, NULL, (double)s->sample.open_fds);
}

/* The database lost half of its keys, and not by expiry; see the header. */
static bool was_flushed(const struct redis_info *before, const struct redis_info *now)
{
	bool other_process = strcmp(before->run_id, now->run_id) != 0;
	bool flush_command = now->flush_calls > before->flush_calls;

	return before->keys > 0 && now->keys <= before->keys / 2 &&
	       (other_process || flush_command);
}

/* The server's counters were reset: by a restart or CONFIG RESETSTAT. */
static bool counts_reset(const struct redis_info *before, const struct redis_info *now)
{
	return strcmp(before->run_id, now->run_id) != 0 ||
	       now->commands_processed < before->commands_processed;
}

static double ms(int64_t us)
{
	return us < 0 ? -1 : (double)us / 1000;
}

#define COUNTER(member) offsetof(struct series_point, member)

/* A counter that is not in INFO has no rate. */
static double rate(const struct sampler *s, int64_t counter, size_t offset)
{
	return counter < 0 ? -1 : series_rate(&s->series, offset, SAMPLER_RATE_SECONDS);
}

static void compute(struct sampler *s)
{
	struct sample *sample = &s->sample;
	const struct redis_info *info = &sample->info;
	const struct series *w = &s->series;

	sample->hit_rate = sample->hits < 0 || sample->misses < 0 ? -1 : series_hit_rate(w);
	sample->lookups = sample->hit_rate < 0 ? 0 : series_lookups(w);
	sample->commands_per_second = rate(s, info->commands_processed, COUNTER(commands));
	sample->expired_per_second = rate(s, info->expired_keys, COUNTER(expired));
	sample->evicted_per_second = rate(s, info->evicted_keys, COUNTER(evicted));
	sample->latency_p50_ms =
		ms(series_quantile(w, offsetof(struct series_point, latency_us), 0.5));
	sample->latency_p99_ms =
		ms(series_quantile(w, offsetof(struct series_point, latency_us), 0.99));
	sample->latency_max_ms =
		ms(series_quantile(w, offsetof(struct series_point, latency_us), 1));
	sample->loop_lag_p99_ms =
		ms(series_quantile(w, offsetof(struct series_point, lag_us), 0.99));
}

static int64_t less_own(int64_t counted, int64_t own)
{
	if (counted < 0)
		return -1;
	return counted > own ? counted - own : 0;
}

/* Our own lookups are subtracted, so that the rates are the applications'. */
static void take(struct sampler *s, struct redis_info *info, const struct redis_batch *batch)
{
	struct sample *sample = &s->sample;
	int64_t took_us = redis_batch_took_us(batch), own_hits, own_misses;
	bool anew = sample->known && counts_reset(&sample->info, info);
	bool flushed = sample->known && was_flushed(&sample->info, info);

	redis_batch_own_lookups(batch, &own_hits, &own_misses);
	if (anew) {
		series_clear(&s->series);
		s->own_hits_before = own_hits;
		s->own_misses_before = own_misses;
	}
	own_hits -= s->own_hits_before;
	own_misses -= s->own_misses_before;
	redis_info_release(&sample->info);
	sample->info = *info;
	sample->known = true;
	sample->mono_ms = clock_mono_ms();
	sample->latency_us = took_us;
	/* Our own lookups on the bulk connection may be newer than the INFO. */
	sample->hits = less_own(info->hits, own_hits);
	sample->misses = less_own(info->misses, own_misses);
	series_add(&s->series,
		&(struct series_point){
			.mono_ms = sample->mono_ms,
			.hits = sample->hits,
			.misses = sample->misses,
			.commands = info->commands_processed,
			.expired = info->expired_keys,
			.evicted = info->evicted_keys,
			.latency_us = took_us,
			.lag_us = s->lag_us,
		},
		SAMPLER_WINDOW_SECONDS);
	compute(s);
	metric_observe_us(s->cache->metrics, METRIC_REDIS_LATENCY, NULL, took_us);
	if (flushed)
		event_publish(s->cache->bus, EVENT_REDIS_FLUSHED, NULL);
}

static void observe_redis(struct sampler *s)
{
	struct redis_node *const *nodes;
	struct redis_batch *batch = redis_batch_new();
	struct redis_info info;

	redis_store_primaries(s->cache->store, &nodes);
	REDIS_ADD(batch, SLICE("INFO"), SLICE("all"));
	enum error error = redis_node_run(nodes[0], REDIS_COMMANDS, batch,
		clock_deadline(s->cache->conf->redis.command_timeout_ms), NULL);
	if (!error) {
		const struct redis_value *reply = redis_batch_reply(batch, 0);

		redis_node_observe(nodes[0], reply);
		if (reply->type == REDIS_STRING) {
			redis_info_parse(reply->text, s->cache->conf->redis.database, &info);
			take(s, &info, batch);
		}
	}
	redis_batch_free(batch);
}

static void publish(struct sampler *s)
{
	struct metrics *m = s->cache->metrics;
	struct redis_state state = redis_store_state(s->cache->store);
	int64_t limit = sampler_memory_limit(s);
	const struct sample *sample = &s->sample;

	metric_drop(m, METRIC_REDIS_UP, NULL, NULL);
	metric_set(m, METRIC_REDIS_UP, sample->info.role[0] ? sample->info.role : "unknown", NULL,
		state.status == REDIS_UP);
	metric_set(m, METRIC_BREAKER_OPEN, NULL, NULL, state.breaker != BREAKER_CLOSED);
	metric_drop(m, METRIC_REDIS_HIT_RATIO, NULL, NULL);
	if (sample->hit_rate >= 0)
		metric_set(m, METRIC_REDIS_HIT_RATIO, NULL, NULL, sample->hit_rate);
	metric_drop(m, METRIC_REDIS_MEMORY_USED_RATIO, NULL, NULL);
	if (limit > 0 && sample->known && sample->info.used_memory >= 0)
		metric_set(m, METRIC_REDIS_MEMORY_USED_RATIO, NULL, NULL,
			(double)sample->info.used_memory / (double)limit);
}

static void sample_fiber(void *argument)
{
	struct sampler *s = argument;

	for (;;) {
		observe_process(s);
		observe_redis(s);
		publish(s);
		s->sequence++;
		if (s->tick)
			s->tick(s->tick_context);
		int64_t interval = s->cache->conf->stats_interval_ms;
		int64_t due_ns = clock_mono_ns() + interval * 1000000;

		if (fiber_sleep(interval) != OK)
			return;
		s->lag_us = (clock_mono_ns() - due_ns) / 1000;
	}
}

struct sampler *sampler_new(struct cache *cache, void (*tick)(void *context), void *context)
{
	struct sampler *s = mem_new(struct sampler);

	s->cache = cache;
	s->tick = tick;
	s->tick_context = context;
	s->sample.hit_rate = s->sample.commands_per_second = s->sample.expired_per_second = -1;
	s->sample.evicted_per_second = s->sample.latency_p50_ms = s->sample.latency_p99_ms = -1;
	s->sample.latency_max_ms = -1;
	s->sample.hits = s->sample.misses = -1;
	redis_info_parse(slice_of("", 0), 0, &s->sample.info);
	s->sample.rss_bytes = s->sample.open_fds = -1;
	fiber_group_init(&s->group, "sampler", cache->loop);
	fiber_spawn(&s->group, "sampler", sample_fiber, s);
	return s;
}

const struct sample *sampler_latest(const struct sampler *s)
{
	return &s->sample;
}

int64_t sampler_age_ms(const struct sampler *s)
{
	return s->sample.known ? clock_mono_ms() - s->sample.mono_ms : -1;
}

int64_t sampler_memory_limit(const struct sampler *s)
{
	if (s->sample.known && s->sample.info.max_memory > 0)
		return s->sample.info.max_memory;
	return s->cache->conf->redis.memory_limit;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	fiber_group_cancel(&s->group);
	fiber_cleanup_begin(5000);
	fiber_group_join(&s->group, DEADLINE_NONE);
	fiber_cleanup_end();
	redis_info_release(&s->sample.info);
	mem_free(s);
}
