/* SPDX-License-Identifier: MIT */
/* One page of a tag's members: which of them are there, and what becomes of them. */
#include "base/mem.h"
#include "cache/entry.h"
#include "cache/soft_purge.h"
#include "invalidate/tag_purge_internal.h"

enum {
	names_per_command = 100,
	leave_ms = 3000, /* what a cancelled purge waits for its last replies */
};

/* How many keys may still be touched. */
static uint64_t left(const struct tag_purge *purge)
{
	return purge->limit > purge->matched ? purge->limit - purge->matched : 0;
}

/* EXISTS of each name, answered. Parks. */
static enum error ask_exists(struct tag_purge *purge, const struct slice *names, size_t count,
	struct redis_batch *batch, struct fault *fault)
{
	for (size_t i = 0; i < count; i++)
		REDIS_ADD(batch, SLICE("EXISTS"), names[i]);
	enum error error = redis_node_run(redis_store_node(purge->cache->store, names[0]),
		REDIS_BULK, batch, cache_deadline(purge->cache), fault);
	for (size_t i = 0; i < count && !error; i++)
		error = redis_value_error(redis_batch_reply(batch, i), fault);
	return error;
}

bool tag_purge_elsewhere(struct tag_purge *purge, struct slice name)
{
	const struct plan *plan = purge->plan;

	if (plan_has(plan, name))
		return true;
	/* Who was cancelled does no more. */
	for (size_t i = 0; i < plan->pattern_count; i++)
		if (pattern_match(&purge->patterns[i], name) ||
			timeslice_spend(&purge->timeslice, 1))
			return true;
	return false;
}

enum error tag_purge_count(
	struct tag_purge *purge, struct tag_names *page, struct name_set *seen, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	enum error error = ask_exists(purge, page->names, page->count, batch, fault);

	for (size_t i = 0; i < page->count && !error && !purge->limited; i++) {
		if (redis_batch_reply(batch, i)->integer == 0)
			continue;
		page->counted += purge->report;
		plan_count_tag(purge->plan, page->tag, purge->report, 0);
		if (!name_set_add(seen, page->names[i]) ||
			tag_purge_elsewhere(purge, page->names[i]))
			continue;
		purge->limited = left(purge) == 0;
		if (purge->limited)
			break;
		purge->matched++;
		if (purge->report)
			plan_sample(purge->plan, page->names[i]);
	}
	redis_batch_free(batch);
	return error;
}

/* The limit is reached: whether anything was left alone. Parks. */
static enum error look_for_more(
	struct tag_purge *purge, const struct slice *names, size_t count, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	enum error error = ask_exists(purge, names, count, batch, fault);

	for (size_t i = 0; i < count && !error; i++)
		purge->limited = purge->limited || redis_batch_reply(batch, i)->integer > 0;
	redis_batch_free(batch);
	return error;
}

/* What one command of a batch was about. */
struct purge_command {
	size_t first, count; /* names */
	bool soft;
};

struct purge_batch {
	struct tag_purge *purge;
	const struct tag_names *page;
	size_t from, to; /* names[from..to) of the page */
	struct redis_batch *batch;
	struct purge_command *commands;
	size_t command_count;
	uint64_t matched, removed, softened;
};

static void add_command(struct purge_batch *r, struct purge_command command)
{
	struct slice argv[1 + names_per_command] = {r->purge->command};
	const struct slice *names = &r->page->names[command.first];

	for (size_t i = 0; i < command.count; i++)
		argv[1 + i] = names[i];
	if (command.soft)
		soft_purge_add(r->purge->cache, r->batch, names[0],
			entry_stale_for(r->purge->cache->conf, names[0]));
	else
		redis_batch_add(r->batch, 1 + command.count, argv);
	r->commands[r->command_count++] = command;
}

/* One command for many names; one for each while the sample wants to know which were there. */
static void fill(struct purge_batch *r)
{
	bool sampling = r->purge->plan->sample_count < INVALIDATION_SAMPLE;
	size_t most = sampling ? 1 : names_per_command;

	for (size_t i = r->from; i < r->to;) {
		struct purge_command command = {.first = i};

		while (i < r->to && command.count < most && !command.soft) {
			bool soft = r->purge->soft &&
				    entry_stale_for(r->purge->cache->conf, r->page->names[i]) > 0;

			if (soft && command.count)
				break;
			command.soft = soft;
			command.count++;
			i++;
		}
		add_command(r, command);
	}
}

static enum error take_reply(struct purge_batch *r, size_t i, struct fault *fault)
{
	const struct purge_command *command = &r->commands[i];
	const struct redis_value *reply = redis_batch_reply(r->batch, i);
	enum soft_purge_outcome outcome;
	uint64_t there = 0;
	enum error error;

	if (command->soft) {
		error = soft_purge_outcome(reply, &outcome, fault);
		there = outcome != SOFT_PURGE_ABSENT;
		r->softened += outcome == SOFT_PURGE_CHANGED;
		r->removed += outcome == SOFT_PURGE_REMOVED;
	} else {
		error = redis_value_error(reply, fault);
		there = error ? 0 : (uint64_t)reply->integer;
		r->removed += there;
	}
	r->matched += there;
	if (there && command->count == 1)
		plan_sample(r->purge->plan, r->page->names[command->first]);
	return error;
}

/* Sends, waits and counts, whatever was cancelled meanwhile. Parks. */
static enum error run(struct purge_batch *r, struct fault *fault)
{
	struct cache *cache = r->purge->cache;
	struct redis_node *node = redis_store_node(cache->store, r->page->names[r->from]);

	fill(r);
	fiber_cleanup_begin(leave_ms);
	enum error error = redis_node_run(node, REDIS_BULK, r->batch, cache_deadline(cache), fault);
	fiber_cleanup_end();
	/* What was answered before the connection broke has happened. */
	for (size_t i = 0; i < r->command_count; i++) {
		if (!redis_batch_reply(r->batch, i))
			continue;
		enum error one = take_reply(r, i, error ? NULL : fault);
		error = error ? error : one;
	}
	return error;
}

static void count(struct purge_batch *r)
{
	struct tag_purge *purge = r->purge;
	struct cache *cache = purge->cache;
	uint64_t matched = purge->soft && purge->again ? r->removed + r->softened : r->matched;

	purge->matched += matched;
	purge->removed += r->removed;
	purge->softened += r->softened;
	plan_count_tag(purge->plan, r->page->tag, matched, r->removed);
	cache->invalidated_keys += r->removed;
	if (cache->metrics)
		metric_add(cache->metrics, METRIC_INVALIDATED_KEYS, NULL, NULL, r->removed);
}

enum error tag_purge_remove(
	struct tag_purge *purge, const struct tag_names *page, struct fault *fault)
{
	struct purge_batch r = {.purge = purge, .page = page, .batch = redis_batch_new()};
	enum error error = OK;

	r.commands = mem_array(page->count, sizeof *r.commands);
	while (!error && r.from < page->count && left(purge)) {
		uint64_t most = left(purge);

		r.to = page->count - r.from > most ? r.from + (size_t)most : page->count;
		redis_batch_clear(r.batch);
		r.command_count = 0;
		r.matched = r.removed = r.softened = 0;
		error = run(&r, fault);
		count(&r);
		r.from = r.to;
	}
	if (!error && r.from < page->count)
		error = look_for_more(purge, &page->names[r.from], page->count - r.from, fault);
	redis_batch_free(r.batch);
	mem_free(r.commands);
	return error;
}
