/* SPDX-License-Identifier: MIT */
/* When to walk, and the walk over all keys; see pruner.h. */
#include "cache/pruner.h"

#include "base/mem.h"
#include "cache/owner.h"
#include "cache/pruner_internal.h"
#include "cache/scan.h"
#include "cache/tag_list.h"
#include "text/glob.h"

enum {
	lock_ms = 30000,
	extend_ms = 5000,
	looks_per_period = 4,	   /* for the lock, while another daemon walks */
	keys_pause_ms = 10,	   /* after each page of up to 500 of the server's keys */
	members_per_second = 5000, /* of our sets */
};

static const struct prune_kind kinds[] = {
	{{"tag:", 4}, prune_tag},
	{{"dep:", 4}, prune_dependency},
};

struct pruner {
	struct cache *cache;
	struct fiber_group group;
	struct fiber_cond reloaded;
	struct event_subscription *reloads;
};

struct pruner *pruner_new(struct cache *cache)
{
	struct pruner *pruner = mem_new(struct pruner);

	pruner->cache = cache;
	fiber_group_init(&pruner->group, "pruner", cache->loop);
	return pruner;
}

void pruner_stop(struct pruner *pruner, int64_t deadline)
{
	event_unsubscribe(pruner->reloads);
	pruner->reloads = NULL;
	fiber_group_cancel(&pruner->group);
	fiber_group_join(&pruner->group, deadline);
}

void pruner_free(struct pruner *pruner)
{
	mem_free(pruner);
}

static enum error keep_lock(struct prune_run *walk)
{
	int64_t now = clock_mono_ms();
	bool held;

	if (now - walk->extended_mono_ms < extend_ms)
		return OK;
	enum error error = owner_extend(walk->cache, buf_slice(&walk->lock), slice_str(walk->token),
		lock_ms, &held, &walk->fault);
	walk->extended_mono_ms = now;
	if (!error && !held)
		error = fault_set(&walk->fault, ERR_CONFLICT, "another daemon prunes now");
	return error;
}

enum error pruner_pause(struct prune_run *walk, size_t looked_at)
{
	enum error error = fiber_sleep(
		(int64_t)(1000 * looked_at + members_per_second - 1) / members_per_second);

	return error ? error : keep_lock(walk);
}

static enum error visit(struct prune_run *walk, struct slice key)
{
	size_t own = slice_str(walk->cache->conf->redis.own_prefix).n;
	struct slice rest = slice_skip(key, own);

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t n = kinds[i].prefix.n;

		if (slice_starts(rest, kinds[i].prefix))
			return kinds[i].visit(walk, key, slice_skip(rest, n));
	}
	return OK;
}

static bool look_at_page(void *context, struct scan_page *page)
{
	struct prune_run *walk = context;

	for (size_t i = 0; i < page->names->count && !walk->error; i++) {
		struct slice key = page->names->items[i]->text;

		/* Of the configuration in force: a reload frees the one before while a visit parks.
		 */
		if (slice_starts(key, slice_str(walk->cache->conf->redis.own_prefix)))
			walk->error = visit(walk, key);
	}
	if (!walk->error)
		walk->error = fiber_sleep(keys_pause_ms);
	if (!walk->error)
		walk->error = keep_lock(walk);
	return !walk->error;
}

/* Pages have no commands of their own. */
static enum error answered(void *context, struct scan_page *page, struct fault *fault)
{
	(void)context;
	(void)page;
	(void)fault;
	return OK;
}

static void tell_metrics(const struct prune_run *walk)
{
	struct metrics *metrics = walk->cache->metrics;

	if (!metrics)
		return;
	metric_set(metrics, METRIC_TAG_MEMBERS, NULL, NULL, (double)walk->members);
	if (walk->members)
		metric_set(metrics, METRIC_TAG_STALE_RATIO, NULL, NULL,
			(double)walk->stale / (double)walk->members);
	else
		metric_drop(metrics, METRIC_TAG_STALE_RATIO, NULL, NULL);
}

/* Parks. */
static enum error walk_all(struct prune_run *walk)
{
	const struct scan_handler handler = {look_at_page, answered, walk};
	struct cache *cache = walk->cache;
	struct buf match = {0};

	glob_escape(slice_str(cache->conf->redis.own_prefix), &match);
	buf_char(&match, '*');
	enum error error = tag_list_begin(cache, &walk->fault);
	if (!error)
		error = scan_run(
			&(struct scan_spec){cache, buf_slice(&match), 0, &handler}, &walk->fault);
	if (!error)
		error = walk->error;
	if (!error)
		error = tag_list_end(cache,
			&(struct tag_list_sums){walk->tags, walk->members, walk->stale,
				walk->pruned, clock_wall_ms()},
			&walk->fault);
	if (!error)
		tell_metrics(walk);
	buf_release(&match);
	return error;
}

/* The lock stays until shortly before the next walk is due, for the first daemon that asks then. */
static void leave_lock(struct prune_run *walk)
{
	int64_t every = walk->cache->conf->prune_every_ms;
	int64_t left = walk->began_mono_ms + every - every / 16 - clock_mono_ms();
	bool held;

	owner_extend(walk->cache, buf_slice(&walk->lock), slice_str(walk->token),
		left > 1 ? left : 1, &held, NULL);
}

/* The metrics of an earlier walk are out of date after that of another daemon. */
static void forget_metrics(const struct cache *cache)
{
	if (!cache->metrics)
		return;
	metric_drop(cache->metrics, METRIC_TAG_MEMBERS, NULL, NULL);
	metric_drop(cache->metrics, METRIC_TAG_STALE_RATIO, NULL, NULL);
}

/* One walk, where the lock can be had: true then. Parks. */
static bool try_walk(struct cache *cache)
{
	char token[OWNER_TOKEN_DIGITS + 1];
	struct prune_run walk = {.cache = cache, .token = token, .began_mono_ms = clock_mono_ms()};
	struct redis_value *holder = NULL;

	if (store_allow(cache->store, FEATURE_PRUNER, NULL))
		return false;
	owner_token_new(token);
	cache_own_key(cache, "prune", slice_of(NULL, 0), &walk.lock);
	enum error error = owner_claim(cache, buf_slice(&walk.lock), token, lock_ms, &holder, NULL);
	bool ours = !error && owner_is(holder, token);

	if (ours) {
		walk.extended_mono_ms = clock_mono_ms();
		walk_all(&walk);
		leave_lock(&walk);
	} else if (!error) {
		forget_metrics(cache);
	}
	redis_value_free(holder);
	buf_release(&walk.lock);
	return ours;
}

static void prune(void *argument)
{
	struct pruner *pruner = argument;
	int64_t walked_at = clock_mono_ms(), next_try = walked_at;

	/* It wakes up when a walk is due, not to see whether one is: an idle daemon sleeps. */
	for (;;) {
		int64_t every = pruner->cache->conf->prune_every_ms, due = walked_at + every;
		enum error error = fiber_cond_wait(
			&pruner->reloaded, "the next walk", due > next_try ? due : next_try);

		if (error && error != ERR_TIMEOUT)
			return;
		if (!error) {
			/* Another configuration: perhaps another period. */
			next_try = walked_at;
			continue;
		}
		int64_t now = clock_mono_ms();

		next_try = now + every / looks_per_period;
		if (try_walk(pruner->cache))
			walked_at = next_try = now;
	}
}

static void reloaded(void *context, const void *data)
{
	struct pruner *pruner = context;

	(void)data;
	fiber_cond_signal(&pruner->reloaded);
}

void pruner_start(struct pruner *pruner)
{
	pruner->reloads = event_subscribe(pruner->cache->bus, EVENT_CONFIG, reloaded, pruner);
	fiber_spawn(&pruner->group, "pruner", prune, pruner);
}
