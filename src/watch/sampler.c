/* SPDX-License-Identifier: MIT */
/* A fiber that reads INFO of all primaries, computes rates and sleeps; see sampler.h. */
#include "watch/sampler.h"

#include "base/mem.h"
#include "store/info_sum.h"
#include "store/survey.h"
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
	int64_t lag_us;		       /* how late the last sleep ended */
	struct server_sample *servers; /* of the primaries, in their order */
	size_t server_count;
	struct redis_info sum;	   /* of those that answered */
	struct series_point total; /* what they have grown by, since we began */
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

static struct server_sample *find(const struct sampler *s, const struct redis_node *node)
{
	for (size_t i = 0; i < s->server_count; i++)
		if (s->servers[i].node == node)
			return &s->servers[i];
	return NULL;
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

/* The servers' samples are those of the primaries: new ones are added, others dropped. */
static void follow_primaries(struct sampler *s)
{
	struct redis_node *const *nodes;
	size_t count = store_primaries(s->cache->store, &nodes);
	struct server_sample *servers = mem_array(count, sizeof *servers);

	for (size_t i = 0; i < count; i++) {
		struct server_sample *known = find(s, nodes[i]);

		if (known) {
			servers[i] = *known;
			known->node = NULL;
		} else {
			server_sample_init(&servers[i], nodes[i]);
		}
	}
	for (size_t i = 0; i < s->server_count; i++)
		if (s->servers[i].node)
			server_sample_release(&s->servers[i]);
	mem_free(s->servers);
	s->servers = servers;
	s->server_count = count;
}

static void take_answer(
	const struct sampler *s, struct server_sample *server, const struct redis_batch *batch)
{
	const struct redis_value *reply = redis_batch_reply(batch, 0);
	struct server_answer answer = {.took_us = redis_batch_took_us(batch)};

	redis_node_observe(server->node, reply);
	if (reply->type != REDIS_STRING)
		return;
	redis_info_parse(reply->text, s->cache->conf->redis.database, &answer.info);
	redis_batch_own_lookups(batch, &answer.own_hits, &answer.own_misses);
	server_sample_take(server, &answer);
}

/* INFO of all of them at once. Parks. */
static void ask_servers(struct sampler *s)
{
	struct survey survey;

	follow_primaries(s);
	survey_init(&survey, s->cache->store);
	for (size_t i = 0; i < survey.count; i++)
		REDIS_ADD(survey.answers[i].batch, SLICE("INFO"), SLICE("all"));
	survey_run(
		&survey, REDIS_COMMANDS, clock_deadline(s->cache->conf->redis.command_timeout_ms));
	for (size_t i = 0; i < survey.count; i++) {
		s->servers[i].answered = false;
		if (!survey.answers[i].fault.error)
			take_answer(s, &s->servers[i], survey.answers[i].batch);
	}
	survey_release(&survey);
}

static int64_t plus(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : a + b;
}

/* Adds the servers that answered to one sample; false if there is none. */
static bool add_up(struct sampler *s, struct series_point *total)
{
	struct sample *sample = &s->sample;
	size_t answered = 0, restarted = 0;
	bool flushed = false;

	sample->latency_us = 0;
	for (size_t i = 0; i < s->server_count; i++) {
		struct server_sample *server = &s->servers[i];

		if (!server->answered)
			continue;
		info_sum_add(&s->sum, answered, &server->info);
		sample->hits = answered ? plus(sample->hits, server->hits) : server->hits;
		sample->misses = answered ? plus(sample->misses, server->misses) : server->misses;
		total->hits += server->hits_grown;
		total->misses += server->misses_grown;
		total->commands += server->commands_grown;
		total->expired += server->expired_grown;
		total->evicted += server->evicted_grown;
		if (server->took_us > sample->latency_us)
			sample->latency_us = server->took_us;
		metric_observe_us(s->cache->metrics, METRIC_REDIS_LATENCY, NULL, server->took_us);
		/* A server of a cluster that comes back refuses commands at first. */
		if (server->flushed && !redis_node_is_away(server->node)) {
			server->flushed = false;
			flushed = true;
		}
		restarted += server->restarted;
		answered++;
	}
	if (answered && restarted == answered)
		series_clear(&s->series);
	if (flushed)
		event_publish(s->cache->bus, EVENT_REDIS_FLUSHED, NULL);
	return answered > 0;
}

static void observe_redis(struct sampler *s)
{
	struct sample *sample = &s->sample;

	ask_servers(s);
	if (!add_up(s, &s->total))
		return;
	sample->info = s->sum;
	sample->known = true;
	sample->mono_ms = clock_mono_ms();
	s->total.mono_ms = sample->mono_ms;
	s->total.latency_us = sample->latency_us;
	s->total.lag_us = s->lag_us;
	series_add(&s->series, &s->total, SAMPLER_WINDOW_SECONDS);
	compute(s);
}

static void publish_nodes(struct sampler *s)
{
	struct metrics *m = s->cache->metrics;

	metric_drop(m, METRIC_REDIS_NODE_UP, NULL, NULL);
	for (size_t i = 0; i < s->server_count; i++)
		metric_set(m, METRIC_REDIS_NODE_UP, redis_node_name(s->servers[i].node), NULL,
			redis_node_state(s->servers[i].node).status == REDIS_UP);
}

static void publish(struct sampler *s)
{
	struct metrics *m = s->cache->metrics;
	struct redis_state state = store_state(s->cache->store);
	int64_t limit = sampler_memory_limit(s);
	const struct sample *sample = &s->sample;

	metric_drop(m, METRIC_REDIS_UP, NULL, NULL);
	metric_set(m, METRIC_REDIS_UP, sample->info.role[0] ? sample->info.role : "unknown", NULL,
		state.status == REDIS_UP);
	publish_nodes(s);
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
	redis_info_parse(slice_of("", 0), 0, &s->sum);
	s->sample.info = s->sum;
	s->sample.rss_bytes = s->sample.open_fds = -1;
	fiber_group_init(&s->group, "sampler", cache->loop);
	fiber_spawn(&s->group, "sampler", sample_fiber, s);
	return s;
}

const struct server_sample *sampler_server(const struct sampler *s, const struct redis_node *node)
{
	const struct server_sample *server = find(s, node);

	return server && server->answered ? server : NULL;
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
	fiber_group_stop(&s->group);
	for (size_t i = 0; i < s->server_count; i++)
		server_sample_release(&s->servers[i]);
	mem_free(s->servers);
	redis_info_release(&s->sum);
	mem_free(s);
}
