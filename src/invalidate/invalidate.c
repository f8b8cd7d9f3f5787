/* SPDX-License-Identifier: MIT */
/* Accepts or refuses invalidations; see invalidate.h. What they do then: invalidate_run.c. */
#include "invalidate/invalidate.h"

#include <inttypes.h>

#include "base/mem.h"
#include "invalidate/invalidate_internal.h"

enum { active_max = 1024 };

struct invalidator *invalidator_new(struct cache *cache, struct operations *operations)
{
	struct invalidator *invalidator = mem_new(struct invalidator);

	invalidator->cache = cache;
	invalidator->operations = operations;
	invalidator->passes = passes_new(cache);
	invalidator->confirms = confirms_new();
	return invalidator;
}

void invalidator_stop(struct invalidator *invalidator, int64_t deadline)
{
	passes_stop(invalidator->passes, deadline);
}

void invalidator_free(struct invalidator *invalidator)
{
	if (!invalidator)
		return;
	passes_free(invalidator->passes);
	confirms_free(invalidator->confirms);
	mem_free(invalidator);
}

const struct passes *invalidator_passes(const struct invalidator *invalidator)
{
	return invalidator->passes;
}

void job_free(void *argument)
{
	struct job *job = argument;

	if (job->arriving)
		job->owner->arriving--;
	plan_free(job->plan);
	invalidation_free(job->asked);
	mem_free(job);
}

static enum error check_max_keys(const struct invalidation *asked, struct fault *fault)
{
	int64_t most = asked->conf->invalidate.max_keys, own = asked->who.max_keys;

	if (asked->max_keys == -1)
		return OK;
	if (asked->max_keys < 1)
		return fault_at(fault, ERR_BAD_BODY, "/max_keys", "max_keys must be at least 1");
	if (asked->max_keys > most)
		return fault_at(fault, ERR_BAD_BODY, "/max_keys",
			"max_keys is %" PRId64 "; invalidate.max_keys allows at most %" PRId64,
			asked->max_keys, most);
	if (own > 0 && asked->max_keys > own)
		return fault_at(fault, ERR_FORBIDDEN, "/max_keys",
			"max_keys is %" PRId64 "; token '%s' may remove at most %" PRId64,
			asked->max_keys, asked->who.name, own);
	return OK;
}

/* How many keys it may remove, and whether it must ask back before. */
static void set_limit(struct job *job)
{
	const struct invalidation *asked = job->asked;
	int64_t most = asked->conf->invalidate.max_keys;
	int64_t above = asked->conf->invalidate.confirm_above;

	if (asked->who.max_keys > 0 && asked->who.max_keys < most)
		most = asked->who.max_keys;
	if (asked->max_keys > 0)
		most = asked->max_keys;
	job->confirmed = asked->max_keys > 0 || asked->confirm || most <= above;
	job->limit = (uint64_t)(job->confirmed ? most : above);
	job->max_latency_ms = asked->max_latency_ms < 0
				      ? (double)asked->conf->invalidate.max_latency_ms
				      : asked->max_latency_ms;
}

static enum error check_queue(const struct job *job, struct fault *fault)
{
	const struct invalidator *owner = job->owner;
	size_t waiting = owner->arriving + passes_waiting(owner->passes);
	size_t most = (size_t)owner->cache->conf->invalidate.queue;

	if (operations_active(owner->operations, "invalidate") >= active_max)
		return fault_set(fault, ERR_TOO_MANY_OPERATIONS,
			"%d invalidations are under way; ask again later", active_max);
	if (job->plan->pattern_count && waiting >= most)
		return fault_set(fault, ERR_TOO_MANY_OPERATIONS,
			"%zu invalidations wait for a pass (invalidate.queue is %zu); ask again "
			"later",
			waiting, most);
	return OK;
}

static enum error prepare(struct job *job, struct fault *fault)
{
	enum error error = plan_new(job->asked, &job->plan, fault);

	if (!error)
		error = check_max_keys(job->asked, fault);
	if (error)
		return error;
	confirm_digest(job->asked, job->digest);
	job->confirm_unknown =
		job->asked->confirm && !job->asked->dry_run &&
		!confirms_valid(job->owner->confirms, job->asked->confirm, job->digest);
	set_limit(job);
	return check_queue(job, fault);
}

enum error invalidate_begin(struct invalidator *invalidator, struct invalidation *invalidation,
	struct operation **ret, struct fault *fault)
{
	struct job *job = mem_new(struct job);

	job->owner = invalidator;
	job->asked = invalidation;
	enum error error = prepare(job, fault);
	if (error) {
		job_free(job);
		return error;
	}
	job->arriving = job->plan->pattern_count > 0;
	invalidator->arriving += job->arriving;
	const struct operation_spec spec = {.kind = "invalidate",
		.by = invalidation->by,
		.note = invalidation->note,
		.run = job_run,
		.context = job,
		.free_context = job_free};
	return operation_begin(invalidator->operations, &spec, ret, fault);
}
