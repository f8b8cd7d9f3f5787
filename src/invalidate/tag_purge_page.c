/* SPDX-License-Identifier: MIT */
/* One page of a tag's members: which of them are there, and what becomes of them. */
#include "base/mem.h"
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
	return cache_run_all(purge->cache, REDIS_BULK, batch, fault);
}

enum error tag_purge_is_elsewhere(struct tag_purge *purge, struct slice name, bool *ret)
{
	const struct plan *plan = purge->plan;
	enum error error = OK;

	*ret = plan_has(plan, name);
	for (size_t i = 0; i < plan->pattern_count && !*ret && !error; i++) {
		*ret = pattern_match(&purge->patterns[i], name);
		error = timeslice_spend(&purge->timeslice, 1);
	}
	return error;
}

/* How it is there, and would be changed, of each name, answered. Parks. */
static enum error ask_changes(struct tag_purge *purge, const struct slice *names, size_t count,
	struct redis_batch *batch, struct fault *fault)
{
	for (size_t i = 0; i < count; i++)
		ttl_change_add(purge->cache, batch, &names[i], 1, purge->effect.change);
	return cache_run_all(purge->cache, REDIS_BULK, batch, fault);
}

/* One key's reply to one of the two. */
static enum error read_there(struct tag_purge *purge, const struct redis_value *reply,
	uint64_t *ret_there, uint64_t *ret_changed, struct fault *fault)
{
	*ret_changed = 0;
	if (removal_only_looks(&purge->effect))
		return ttl_change_counts(reply, 1, ret_there, ret_changed, fault);
	*ret_there = (uint64_t)reply->integer;
	return OK;
}

/* Counts a key that is there, for its tag each time, for the purge once. Parks now and then. */
static enum error count_key(struct tag_purge *purge, struct tag_names *page, struct slice name,
	uint64_t changed, struct name_set *seen)
{
	bool elsewhere;

	page->counted += purge->report;
	plan_count_tag(purge->plan, page->tag, purge->report, 0);
	if (!name_set_add(seen, name))
		return OK;
	enum error error = tag_purge_is_elsewhere(purge, name, &elsewhere);

	if (error || elsewhere)
		return error;
	purge->limited = left(purge) == 0;
	if (purge->limited)
		return OK;
	purge->matched++;
	purge->modified += changed;
	plan_count_tag(purge->plan, page->tag, 0, changed);
	if (purge->report && (!removal_only_looks(&purge->effect) || changed))
		plan_sample(purge->plan, name);
	return OK;
}

enum error tag_purge_count(
	struct tag_purge *purge, struct tag_names *page, struct name_set *seen, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	enum error error = removal_only_looks(&purge->effect)
				   ? ask_changes(purge, page->names, page->count, batch, fault)
				   : ask_exists(purge, page->names, page->count, batch, fault);

	for (size_t i = 0; i < page->count && !error && !purge->limited; i++) {
		uint64_t there, changed;

		error = read_there(purge, redis_batch_reply(batch, i), &there, &changed, fault);
		if (!error && there)
			error = count_key(purge, page, page->names[i], changed, seen);
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

/* A batch of removals: names[from..to) of the page. */
struct purge_batch {
	struct tag_purge *purge;
	const struct tag_names *page;
	size_t from, to;
	struct redis_batch *batch;
	struct buf notes;
	struct removal_counts counts;
};

/* One command for many names; one for each while the sample needs to know which keys were there. */
static void fill(struct purge_batch *b)
{
	struct tag_purge *purge = b->purge;
	struct cache *cache = purge->cache;
	bool sampling = purge->plan->sample_count < INVALIDATION_SAMPLE;

	redis_batch_clear(b->batch);
	buf_clear(&b->notes);
	struct removal *removal =
		removal_new(cache, b->batch, &b->notes, sampling ? 1 : names_per_command);
	for (size_t i = b->from; i < b->to; i++) {
		struct slice name = b->page->names[i];

		removal_add_effect(removal, name, 0, &purge->effect);
	}
	removal_end(removal);
}

static void count_removal(
	void *context, const struct removal_note *note, const struct removal_counts *counts)
{
	struct purge_batch *b = context;

	b->counts.matched += counts->matched;
	b->counts.removed += counts->removed;
	b->counts.instead += counts->instead;
	b->counts.modified += counts->modified;
	if (counts->matched && note->count == 1)
		plan_sample(b->purge->plan, b->page->names[b->from + note->first]);
}

/* Sends and waits even if the fiber is cancelled meanwhile, and counts. Parks. */
static enum error run(struct purge_batch *b, struct fault *fault)
{
	struct tag_purge *purge = b->purge;
	struct cache *cache = purge->cache;

	b->counts = (struct removal_counts){0};
	fill(b);
	fiber_cleanup_begin(leave_ms);
	enum error error = cache_run(cache, REDIS_BULK, b->batch, fault);
	fiber_cleanup_end();
	enum error refused =
		removal_take(cache, b->batch, &b->notes, count_removal, b, error ? NULL : fault);
	bool recount = removal_leaves_keys(&purge->effect) && purge->recount;
	uint64_t matched = recount ? b->counts.removed + b->counts.modified : b->counts.matched;

	purge->matched += matched;
	purge->removed += b->counts.removed;
	purge->instead += b->counts.instead;
	purge->modified += b->counts.modified;
	plan_count_tag(purge->plan, b->page->tag, matched,
		removal_invalidated(&purge->effect, &b->counts));
	return error ? error : refused;
}

enum error tag_purge_remove(
	struct tag_purge *purge, const struct tag_names *page, struct fault *fault)
{
	struct purge_batch b = {.purge = purge, .page = page, .batch = redis_batch_new()};
	enum error error = OK;

	while (!error && b.from < page->count && left(purge)) {
		uint64_t most = left(purge);

		b.to = page->count - b.from > most ? b.from + (size_t)most : page->count;
		error = run(&b, fault);
		b.from = b.to;
	}
	if (!error && b.from < page->count)
		error = look_for_more(purge, &page->names[b.from], page->count - b.from, fault);
	redis_batch_free(b.batch);
	buf_release(&b.notes);
	return error;
}
