/* SPDX-License-Identifier: MIT */
/* The parts of an invalidation: exact names, tags, patterns. Each adds to the job's totals. */
#include "base/mem.h"
#include "cache/again.h"
#include "invalidate/exact.h"
#include "invalidate/invalidate_internal.h"
#include "invalidate/tag_purge.h"

enum { exact_again_ms = 100 };

void job_reason(struct job *job, const char *reason)
{
	if (!job->reason)
		job->reason = reason;
}

uint64_t job_left(const struct job *job)
{
	uint64_t touched = job->invalidated + job->softened;

	return job->limit > touched ? job->limit - touched : 0;
}

/* What a run over the exact keys did becomes the job's. */
static void take_exact(struct job *job, const struct exact *exact)
{
	struct cache *cache = job->owner->cache;

	job->matched += exact->first_seen;
	job->exact_hits += exact->hits;
	job->invalidated += exact->removed;
	job->softened += exact->softened;
	cache->invalidated_keys += exact->removed;
	if (cache->metrics)
		metric_add(cache->metrics, METRIC_INVALIDATED_KEYS, NULL, NULL, exact->removed);
}

enum error job_run_exact(struct job *job, bool remove, uint64_t limit, struct fault *fault)
{
	struct exact exact = {.cache = job->owner->cache,
		.plan = job->plan,
		.command = remove ? passes_remove_command(job->owner->passes) : SLICE("EXISTS"),
		.soft = remove && job->asked->soft,
		.limit = limit};
	operation_progress(job->operation, remove ? "removing" : "counting", 0, 0);
	job->exact_hits = 0;
	enum error error = exact_run(&exact, fault);

	if (error == ERR_REDIS_UNKNOWN_OUTCOME && fiber_sleep(exact_again_ms) == OK) {
		take_exact(job, &exact);
		exact.limit = limit - exact.hits;
		error = exact_run(&exact, fault);
	} else if (remove && again_unknown_command(error, fault)) {
		exact.command = SLICE("DEL");
		error = exact_run(&exact, fault);
	}
	take_exact(job, &exact);
	if (remove && exact.limited)
		job_reason(job, "max_keys");
	return error;
}

/* What a pass counted for the request becomes the plan's and the job's. */
static void merge(struct job *job, const struct pass_request *request)
{
	bool again = job->again && job->asked->soft;

	for (size_t i = 0; i < request->slot_count; i++) {
		const struct pass_slot *slot = &request->slots[i];

		if (!again)
			job->plan->selectors[slot->selector].matched += slot->matched;
		job->plan->selectors[slot->selector].invalidated += slot->invalidated;
	}
	job->matched += again ? request->invalidated + request->softened : request->matched;
	job->invalidated += request->invalidated;
	job->softened += request->softened;
}

enum error job_run_passes(struct job *job, struct job_round *round, struct fault *fault)
{
	enum error error = OK;

	for (size_t at = 0; at < job->plan->pattern_count && !error && !round->limited;) {
		struct pass_request *request = pass_request_new(job->plan, &at);

		request->operation = job->operation;
		request->mode = round->mode;
		request->soft = job->asked->soft;
		request->limit = round->limit - round->matched;
		request->max_latency_ms = job->max_latency_ms;
		operation_progress(job->operation, "queued", 0, 0);
		if (job->arriving)
			job->owner->arriving--;
		job->arriving = false;
		error = pass_run(job->owner->passes, request, fault);
		job->passes += request->walks;
		round->matched += request->matched;
		round->protected_skipped += request->protected_skipped;
		round->limited = request->end == PASS_LIMIT;
		round->changed |= request->end == PASS_CHANGED;
		round->overflowed |= request->overflowed;
		/* What HOLD only counted is counted again when it is removed. */
		if (round->keep &&
			(round->mode != PASS_HOLD || !(round->limited || request->overflowed)))
			merge(job, request);
		pass_request_free(request);
	}
	/* Another round meets the same keys again. */
	if (round->protected_skipped > job->protected_skipped)
		job->protected_skipped = round->protected_skipped;
	if (round->changed)
		job_reason(job, "topology_changed");
	return error;
}

/* A later round may meet the same members again. */
static void take_skipped(struct job *job, const struct tag_purge *purge)
{
	if (purge->protected_skipped > job->tags_skipped)
		job->tags_skipped = purge->protected_skipped;
}

enum error job_run_tags(struct job *job, enum job_tags what, uint64_t limit, uint64_t *ret_matched,
	bool *ret_limited, struct fault *fault)
{
	struct tag_purge purge = {.turns = &job->owner->tag_turns,
		.cache = job->owner->cache,
		.plan = job->plan,
		.operation = job->operation,
		.remove = what == TAGS_REMOVE,
		.soft = job->asked->soft,
		.again = job->again,
		.report = what != TAGS_COUNT,
		.command = passes_remove_command(job->owner->passes),
		.limit = limit,
		.max_latency_ms = job->max_latency_ms};
	enum error error = OK;

	if (job->plan->tag_count)
		error = tag_purge_run(&purge, fault);
	take_skipped(job, &purge);
	if (what != TAGS_COUNT)
		job->matched += purge.matched;
	job->invalidated += purge.removed;
	job->softened += purge.softened;
	if (purge.changed)
		job_reason(job, "topology_changed");
	*ret_matched = purge.matched;
	*ret_limited = purge.limited;
	return error;
}
