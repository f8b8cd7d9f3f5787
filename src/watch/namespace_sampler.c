/* SPDX-License-Identifier: MIT */
/* When a sample is taken, and what is kept of it; see namespace_sampler.h. */
#include "watch/namespace_sampler.h"

#include "base/mem.h"
#include "base/min.h"

enum {
	first_after_ms = 10000,
	again_ms = 30000, /* after one that failed */
	spread_part = 3,
	first_part = 10,
};

struct namespace_sampler {
	struct cache *cache;
	const struct sampler *sampler;
	const struct client_lookups *clients;
	struct fiber_group group;
	struct fiber_cond reloaded;
	struct event_subscription *reloads;
	struct namespace_sample *last; /* complete; NULL = none */
	struct namespace_rank *ranks;  /* of its rows */
	size_t rank_count;
	struct namespace_sample *running; /* NULL = none */
	struct fault fault;
};

/* A scan that is under way has seen a random part of the keys. */
static bool is_exact(const struct namespace_sample *sample)
{
	return sample->exact && sample->ended_mono_ms >= 0;
}

struct estimate namespace_sample_share(
	const struct namespace_sample *sample, const struct namespace_sums *sums)
{
	return estimate_share(sums->keys, sample->table->all.keys, is_exact(sample));
}

struct estimate namespace_sample_keys(
	const struct namespace_sample *sample, const struct namespace_sums *sums)
{
	return estimate_times(namespace_sample_share(sample, sums), (double)sample->keys);
}

struct estimate namespace_sample_bytes(
	const struct namespace_sample *sample, const struct namespace_sums *sums)
{
	return estimate_sum(sums->bytes, sums->squares, sample->table->all.measured,
		(double)sample->keys, is_exact(sample));
}

static void set(struct metrics *m, const struct namespace_sample *sample, const char *name,
	const struct namespace_sums *sums)
{
	struct estimate bytes = namespace_sample_bytes(sample, sums);

	metric_set(m, METRIC_NAMESPACE_KEYS, name, NULL, namespace_sample_keys(sample, sums).value);
	if (bytes.value >= 0)
		metric_set(m, METRIC_NAMESPACE_BYTES, name, NULL, bytes.value);
}

static void add(struct namespace_sums *to, const struct namespace_sums *from)
{
	to->keys += from->keys;
	to->bytes += from->bytes;
	to->squares += from->squares;
}

size_t namespace_sampler_largest(const struct namespace_sampler *s,
	const struct namespace_rank **ret, struct namespace_sums *rest)
{
	size_t shown = s->rank_count < NAMESPACE_METRICS ? s->rank_count : NAMESPACE_METRICS;

	*ret = s->ranks;
	*rest = s->last ? s->last->table->overflow : (struct namespace_sums){0};
	for (size_t i = shown; i < s->rank_count; i++)
		add(rest, &s->ranks[i].row->sums);
	return shown;
}

static void publish(const struct namespace_sampler *s)
{
	struct metrics *m = s->cache->metrics;
	const struct namespace_rank *ranks;
	struct namespace_sums rest;
	size_t count = namespace_sampler_largest(s, &ranks, &rest);

	metric_drop(m, METRIC_NAMESPACE_KEYS, NULL, NULL);
	metric_drop(m, METRIC_NAMESPACE_BYTES, NULL, NULL);
	metric_drop(m, METRIC_NAMESPACES_SAMPLED_KEYS, NULL, NULL);
	if (!s->last)
		return;
	metric_set(m, METRIC_NAMESPACES_SAMPLED_KEYS, NULL, NULL, (double)s->last->table->all.keys);
	if (s->last->table->all.keys == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		char *name = slice_dup(ranks[i].row->name);

		set(m, s->last, name, &ranks[i].row->sums);
		mem_free(name);
	}
	if (rest.keys)
		set(m, s->last, "other", &rest);
	if (s->last->table->unmatched.keys)
		set(m, s->last, "unmatched", &s->last->table->unmatched);
}

/* `sample` is the last one from now on; NULL = there is none. */
static void keep(struct namespace_sampler *s, struct namespace_sample *sample)
{
	mem_free(s->ranks);
	s->ranks = NULL;
	s->rank_count = sample ? namespace_table_ranks(sample->table, false, &s->ranks) : 0;
	namespace_sample_free(s->last);
	s->last = sample;
	publish(s);
}

/* Namespaces that are looked up have a row, though no key of theirs is in the sample, or exists. */
static void know(struct namespace_sample *sample, struct lookups *lookups)
{
	struct lookups_row *row = NULL;

	while ((row = lookups_next(lookups, row)))
		if (!row->rest)
			namespace_table_know(sample->table, sample->conf, row->kind, row->name);
}

/* One sample. Parks. */
static enum error take(struct namespace_sampler *s)
{
	struct conf *conf = s->cache->conf;
	int64_t spread_ms = conf->sampling.every_ms / spread_part;
	struct fault fault = {0};

	s->running = namespace_sample_new(conf);
	enum error error = namespace_run(s->cache, s->sampler, s->running, spread_ms, &fault);

	s->fault = fault;
	s->fault.error = error;
	if (error) {
		namespace_sample_free(s->running);
	} else {
		know(s->running, s->cache->lookups);
		know(s->running, client_lookups_view(s->clients).missed);
		know(s->running, client_lookups_view(s->clients).in_windows);
		keep(s, s->running);
	}
	s->running = NULL;
	return error;
}

static void forget(struct namespace_sampler *s)
{
	keep(s, NULL);
	s->fault = (struct fault){0};
}

/* Waits until the next sample is due. A reload may change when that is. Parks. */
static enum error await(struct namespace_sampler *s, int64_t since_ms, bool first, bool failed)
{
	enum error error = OK;

	while (error == OK) {
		int64_t every = s->cache->conf->sampling.every_ms;
		int64_t after = first	 ? min_int64(every / first_part, first_after_ms)
				: failed ? min_int64(every, again_ms)
					 : every;

		if (every == 0 && (s->last || s->fault.error))
			forget(s);
		error = fiber_cond_wait(&s->reloaded, "the next sample of the keys",
			every ? since_ms + after : DEADLINE_NONE);
	}
	return error == ERR_TIMEOUT ? OK : error;
}

static void sample_fiber(void *argument)
{
	struct namespace_sampler *s = argument;
	int64_t since = clock_mono_ms();
	enum error taken = OK;

	for (bool first = true; await(s, since, first, taken != OK) == OK; first = false) {
		since = clock_mono_ms();
		taken = take(s);
		if (taken == ERR_CANCELLED)
			return;
	}
}

static void reloaded(void *context, const void *data)
{
	struct namespace_sampler *s = context;

	(void)data;
	fiber_cond_signal(&s->reloaded);
}

struct namespace_sampler *namespace_sampler_new(
	struct cache *cache, const struct sampler *sampler, const struct client_lookups *clients)
{
	struct namespace_sampler *s = mem_new(struct namespace_sampler);

	s->cache = cache;
	s->sampler = sampler;
	s->clients = clients;
	fiber_group_init(&s->group, "namespaces", cache->loop);
	s->reloads = event_subscribe(cache->bus, EVENT_CONFIG, reloaded, s);
	fiber_spawn(&s->group, "namespaces", sample_fiber, s);
	return s;
}

const struct namespace_sample *namespace_sampler_latest(const struct namespace_sampler *s)
{
	return s->last ? s->last : s->running;
}

const struct fault *namespace_sampler_fault(const struct namespace_sampler *s)
{
	return &s->fault;
}

int64_t namespace_sampler_age_ms(const struct namespace_sampler *s)
{
	return s->last ? clock_mono_ms() - s->last->ended_mono_ms : -1;
}

void namespace_sampler_free(struct namespace_sampler *s)
{
	if (!s)
		return;
	event_unsubscribe(s->reloads);
	fiber_group_stop(&s->group);
	namespace_sample_free(s->last);
	mem_free(s->ranks);
	mem_free(s);
}
