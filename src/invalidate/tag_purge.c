/* SPDX-License-Identifier: MIT */
/* Walks through the sets of a plan's tags; see tag_purge.h. A page's keys: tag_purge_page.c. */
#include "invalidate/tag_purge.h"

#include "base/mem.h"
#include "cache/scan.h"
#include "cache/tag.h"
#include "cache/tag_page.h"
#include "invalidate/tag_purge_internal.h"
#include "operation/operation.h"
#include "redis/pacer.h"

enum {
	small = 1000, /* with so few members neither a change of servers nor the pace matters */
	at_once = 8,  /* purges of more */
};

/* A purge on its way. */
struct purge_run {
	struct tag_purge *purge;
	struct fiber_group probes;
	struct redis_pacers *pacers; /* NULL = small */
	struct name_set seen;	     /* while counting and softening */
	uint64_t members, done;
	uint64_t counted, skipped; /* of the tag at hand, and before it */
};

enum error tag_purge_members(
	struct cache *cache, const struct plan *plan, uint64_t *ret, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct buf set = {0};
	enum error error = OK;

	*ret = 0;
	for (size_t i = 0; i < plan->tag_count; i++) {
		buf_clear(&set);
		tag_key(cache, plan->tags[i].name, &set);
		REDIS_ADD(batch, SLICE("ZCARD"), buf_slice(&set));
	}
	if (plan->tag_count)
		error = cache_run_all(cache, REDIS_BULK, batch, fault);
	for (size_t i = 0; i < plan->tag_count && !error; i++)
		*ret += (uint64_t)redis_batch_reply(batch, i)->integer;
	redis_batch_free(batch);
	buf_release(&set);
	return error;
}

/*
 * What is softened stays, so that each of its selectors would meet, and count, it: *ret says
 * whether the tag at hand is the first. What is only counted is told apart later. Parks as
 * tag_purge_is_elsewhere().
 */
static enum error count_once(struct purge_run *run, struct slice name, bool *ret)
{
	struct tag_purge *purge = run->purge;
	bool elsewhere;

	*ret = true;
	if (!purge->remove || !removal_leaves_keys(&purge->effect))
		return OK;
	enum error error = tag_purge_is_elsewhere(purge, name, &elsewhere);

	*ret = !error && !elsewhere && name_set_add(&run->seen, name);
	return error;
}

/* Collects the page's names that the caller may touch. Parks as tag_purge_is_elsewhere(). */
static enum error admit(
	struct purge_run *run, const struct tag_pages *pages, struct slice *names, size_t *ret)
{
	struct tag_purge *purge = run->purge;
	enum error error = OK;

	*ret = 0;
	for (size_t i = 0; i < pages->count && !error; i++) {
		struct slice name = tag_pages_member(pages, i);
		bool first = false;

		if (name.n == 0 || guard_derived(&purge->plan->guard, name) != GUARD_ALLOWED)
			purge->protected_skipped++;
		else
			error = count_once(run, name, &first);
		if (first)
			names[(*ret)++] = name;
	}
	return error;
}

/* Parks. */
static enum error do_page(struct purge_run *run, const struct plan_tag *tag,
	const struct tag_pages *pages, struct fault *fault)
{
	struct tag_purge *purge = run->purge;
	struct slice *names = mem_array(pages->count, sizeof *names);

	purge->timeslice = (struct timeslice){.since_ns = clock_mono_ns()};
	struct tag_names page = {.tag = tag, .names = names};
	enum error error = admit(run, pages, names, &page.count);

	if (!error && page.count)
		error = purge->remove ? tag_purge_remove(purge, &page, fault)
				      : tag_purge_count(purge, &page, &run->seen, fault);
	run->counted += page.counted;
	run->done += pages->count;
	if (purge->operation)
		operation_progress(purge->operation,
			purge->remove ? OPERATION_PHASE_REMOVING : OPERATION_PHASE_COUNTING,
			run->done, run->members);
	mem_free(names);
	return error;
}

static enum error do_tag(struct purge_run *run, const struct plan_tag *tag, struct fault *fault)
{
	struct tag_purge *purge = run->purge;
	struct tag_pages pages;
	struct buf set = {0};
	enum error error = OK;

	tag_key(purge->cache, tag->name, &set);
	tag_pages_init(&pages, purge->cache, buf_slice(&set), REDIS_BULK);
	while (!error && !purge->limited && tag_pages_more(&pages)) {
		if (run->pacers)
			pages.most = redis_pacers_page(run->pacers);
		error = tag_pages_next(&pages, fault);
		if (!error)
			error = do_page(run, tag, &pages, fault);
		if (!error && run->pacers)
			error = redis_pacers_pause(run->pacers);
		else if (!error && fiber_cancelled())
			error = ERR_CANCELLED;
	}
	tag_pages_release(&pages);
	buf_release(&set);
	return error;
}

/* What was only counted of it is counted again; what was softened is met again. */
static void begin_again(struct purge_run *run, const struct plan_tag *tag)
{
	struct tag_purge *purge = run->purge;

	if (purge->remove) {
		purge->recount = true;
		name_set_release(&run->seen);
	} else {
		plan_uncount_tag(purge->plan, tag, run->counted);
	}
	purge->protected_skipped = run->skipped;
}

/* Every tag, each once more where the connection was lost. Parks. */
static enum error do_tags(struct purge_run *run, struct fault *fault)
{
	struct tag_purge *purge = run->purge;
	struct slice command = store_unlink(purge->cache->store);
	bool retried = false;
	enum error error = OK;

	for (size_t i = 0; i < purge->plan->tag_count && !error && !purge->limited;) {
		struct fault own = {0};

		run->counted = 0;
		run->skipped = purge->protected_skipped;
		error = do_tag(run, &purge->plan->tags[i], &own);
		if (!error) {
			i++;
		} else if (error_redis(error) == ERROR_REDIS_NO_ANSWER && !retried &&
			   cache_await_redis(purge->cache, NULL, NULL) != ERR_CANCELLED) {
			begin_again(run, &purge->plan->tags[i]);
			retried = true;
			error = OK;
		} else if (purge->remove && removal_try_again(purge->cache, error, &command)) {
			error = OK;
		} else if (fault) {
			*fault = own;
		}
	}
	return error;
}

/* Paced, between two snapshots of the servers. Parks. */
static enum error do_many(struct purge_run *run, struct fault *fault)
{
	struct tag_purge *purge = run->purge;
	struct scan_snapshot *before = NULL, *after = NULL;

	enum error error = scan_snapshot_take(purge->cache, &before, fault);
	if (error)
		return error;
	fiber_group_init(&run->probes, "probes of a purge", purge->cache->loop);
	struct redis_node *const *nodes;
	size_t count = store_primaries(purge->cache->store, &nodes);

	run->pacers = redis_pacers_new(nodes, count, purge->max_latency_ms, &run->probes);
	error = do_tags(run, fault);
	redis_pacers_free(run->pacers);
	/* The probe looks at what lies on this stack: it must have ended. */
	fiber_group_stop(&run->probes);
	if (!error)
		error = scan_snapshot_take(purge->cache, &after, fault);
	purge->changed = after && !scan_snapshot_equal(before, after);
	scan_snapshot_free(before);
	scan_snapshot_free(after);
	return error;
}

/* Many members wait for a turn, so that memory and Redis are for a few at a time. Parks. */
static enum error do_all(struct purge_run *run, struct fault *fault)
{
	struct semaphore *turns = run->purge->turns;

	if (run->members <= small)
		return do_tags(run, fault);
	enum error error = semaphore_acquire(turns, at_once, DEADLINE_NONE);
	if (error)
		return error;
	error = do_many(run, fault);
	semaphore_release(turns, at_once);
	return error;
}

enum error tag_purge_run(struct tag_purge *purge, struct fault *fault)
{
	struct purge_run run = {.purge = purge};

	purge->matched = purge->removed = purge->modified = purge->protected_skipped = 0;
	purge->instead = 0;
	purge->limited = purge->changed = false;
	purge->patterns = mem_array(purge->plan->pattern_count, sizeof *purge->patterns);
	for (size_t i = 0; i < purge->plan->pattern_count; i++)
		pattern_init(&purge->patterns[i], purge->plan->patterns[i].glob);
	enum error error = tag_purge_members(purge->cache, purge->plan, &run.members, fault);
	if (!error && run.members)
		error = do_all(&run, fault);
	name_set_release(&run.seen);
	mem_free(purge->patterns);
	purge->patterns = NULL;
	return error;
}
