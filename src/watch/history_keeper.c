/* SPDX-License-Identifier: MIT */
/* Values of a sample as points of the history, and its state file; see history_keeper.h. */
#include "watch/history_keeper.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/state_file.h"

enum { save_every_ms = 60 * 1000 };

/* Counters of which the history has the growth per second; negative = not known. */
enum counter { HITS, MISSES, CACHE_HITS, CACHE_MISSES, LOADS, INVALIDATED, COUNTERS };

struct history_keeper {
	struct cache *cache;
	struct history *history;
	char *path;	   /* NULL = nothing is kept */
	bool cannot_write; /* the last time; the log has it */
	int64_t saved_at_ms, last_at_ms;
	int64_t redis_ms; /* of the last sample of Redis that was taken */
	int64_t before[COUNTERS];
};

/* A damaged file is kept so that its cause can be found, and is not read again. */
static void set_aside(const struct history_keeper *keeper, const char *why)
{
	char *aside = mem_printf("%s.damaged", keeper->path);
	bool moved = rename(keeper->path, aside) == 0;

	log_warning(keeper->cache->log,
		"the history of before this start is not shown: %s %s%s%s%s", keeper->path, why,
		moved ? "; it is now " : ", and cannot be renamed: ",
		moved ? aside : strerror(errno), "");
	mem_free(aside);
}

static void load(struct history_keeper *keeper)
{
	struct buf saved = {0};
	const char *why = state_file_read(keeper->path, HISTORY_FILE_MAX_BYTES, &saved);

	if (!why && saved.n)
		why = history_load(
			keeper->history, buf_slice(&saved), clock_mono_ms(), clock_wall_ms());
	if (why)
		set_aside(keeper, why);
	buf_release(&saved);
}

static void save(struct history_keeper *keeper)
{
	struct buf out = {0};

	history_save(keeper->history, clock_mono_ms(), clock_wall_ms(), &out);
	const char *why = state_file_replace(keeper->path, buf_slice(&out));

	if (why && !keeper->cannot_write)
		log_warning(keeper->cache->log,
			"the history cannot be kept over a restart: %s cannot be written: %s",
			keeper->path, why);
	keeper->cannot_write = why != NULL;
	keeper->saved_at_ms = clock_mono_ms();
	buf_release(&out);
}

struct history_keeper *history_keeper_new(struct cache *cache)
{
	int64_t seconds = cache->conf->stats_history_ms / 1000;

	if (seconds == 0)
		return NULL;
	struct history_keeper *keeper = mem_new(struct history_keeper);

	keeper->cache = cache;
	keeper->history = history_new(seconds);
	keeper->path = state_file_path("history", cache->conf->redis.url_redacted);
	keeper->saved_at_ms = keeper->last_at_ms = clock_mono_ms();
	for (size_t i = 0; i < COUNTERS; i++)
		keeper->before[i] = -1;
	if (keeper->path)
		load(keeper);
	return keeper;
}

static double known(double value)
{
	return value < 0 ? (double)NAN : value;
}

/* Growth per second since the last call; NAN after a reset. */
static double growth(struct history_keeper *keeper, enum counter counter, int64_t now, int64_t ms)
{
	int64_t before = keeper->before[counter];

	keeper->before[counter] = now;
	if (before < 0 || now < before || ms <= 0)
		return (double)NAN;
	return (double)(now - before) * 1000 / (double)ms;
}

static void take_redis(
	struct history_keeper *keeper, const struct sample *sample, double values[HISTORY_COUNT])
{
	int64_t ms = sample->mono_ms - keeper->redis_ms;

	keeper->redis_ms = sample->mono_ms;
	values[HISTORY_HITS] = growth(keeper, HITS, sample->hits, ms);
	values[HISTORY_MISSES] = growth(keeper, MISSES, sample->misses, ms);
	values[HISTORY_COMMANDS] = known(sample->commands_per_second);
	values[HISTORY_EXPIRED] = known(sample->expired_per_second);
	values[HISTORY_EVICTED] = known(sample->evicted_per_second);
	values[HISTORY_LATENCY] = (double)sample->latency_us / 1000;
	values[HISTORY_USED_BYTES] = known((double)sample->info.used_memory);
	values[HISTORY_KEYS] = known((double)sample->info.keys);
	values[HISTORY_CLIENTS] = known((double)sample->info.connected_clients);
}

static void take_own(struct history_keeper *keeper, const struct sample *sample, int64_t ms,
	double values[HISTORY_COUNT])
{
	const struct cache *cache = keeper->cache;

	values[HISTORY_CACHE_HITS] = growth(keeper, CACHE_HITS, (int64_t)cache->hits, ms);
	values[HISTORY_CACHE_MISSES] = growth(keeper, CACHE_MISSES, (int64_t)cache->misses, ms);
	values[HISTORY_LOADS] = growth(keeper, LOADS, (int64_t)cache->loads, ms);
	values[HISTORY_INVALIDATED_KEYS] =
		growth(keeper, INVALIDATED, (int64_t)cache->invalidated_keys, ms);
	values[HISTORY_RSS_BYTES] = known((double)sample->rss_bytes);
	/* The loop's timers are whole milliseconds: one may fire a little early. */
	values[HISTORY_LOOP_LAG] = sample->lag_us > 0 ? (double)sample->lag_us / 1000 : 0;
}

void history_keeper_tick(struct history_keeper *keeper, const struct sampler *sampler)
{
	const struct sample *sample = sampler_latest(sampler);
	int64_t now = clock_mono_ms(), ms = now - keeper->last_at_ms;
	int64_t most = 2 * keeper->cache->conf->stats_interval_ms;
	double values[HISTORY_COUNT];

	for (size_t i = 0; i < HISTORY_COUNT; i++)
		values[i] = (double)NAN;
	/* Without an answer of Redis since the last tick its figures are a gap. */
	if (sample->known && sample->mono_ms > keeper->redis_ms)
		take_redis(keeper, sample, values);
	take_own(keeper, sample, ms, values);
	keeper->last_at_ms = now;
	/* A longer pause, such as a suspended machine's, is a gap as well. */
	history_add(keeper->history, now, ms < most ? ms : 0, values);
	if (keeper->path && now - keeper->saved_at_ms >= save_every_ms)
		save(keeper);
}

const struct history *history_keeper_history(const struct history_keeper *keeper)
{
	return keeper->history;
}

void history_keeper_free(struct history_keeper *keeper)
{
	if (!keeper)
		return;
	if (keeper->path)
		save(keeper);
	history_free(keeper->history);
	mem_free(keeper->path);
	mem_free(keeper);
}
