/* SPDX-License-Identifier: MIT */
/* Accepts or refuses invalidations; see invalidator.h. What they do then: invalidate_run.c. */
#include "invalidate/invalidator.h"

#include <inttypes.h>

#include "base/mem.h"
#include "invalidate/invalidate_run.h"

enum { active_max = 1024 };

struct invalidator *invalidator_new(struct cache *cache, struct operations *operations)
{
	struct invalidator *invalidator = mem_new(struct invalidator);

	invalidator->cache = cache;
	invalidator->operations = operations;
	invalidator->passes = pass_queue_new(cache);
	invalidator->confirms = confirms_new();
	return invalidator;
}

void invalidator_stop(struct invalidator *invalidator, int64_t deadline)
{
	pass_queue_stop(invalidator->passes, deadline);
}

void invalidator_free(struct invalidator *invalidator)
{
	if (!invalidator)
		return;
	pass_queue_free(invalidator->passes);
	confirms_free(invalidator->confirms);
	mem_free(invalidator);
}

void invalidator_on_rewarm(
	struct invalidator *invalidator, invalidator_rewarm *rewarm, void *context)
{
	invalidator->rewarm = rewarm;
	invalidator->rewarm_context = context;
}

const struct pass_queue *invalidator_queue(const struct invalidator *invalidator)
{
	return invalidator->passes;
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
static void set_limit(struct invalidate_run *run)
{
	const struct invalidation *asked = run->asked;
	int64_t most = asked->conf->invalidate.max_keys;
	int64_t above = asked->conf->invalidate.confirm_above;

	if (asked->who.max_keys > 0 && asked->who.max_keys < most)
		most = asked->who.max_keys;
	if (asked->max_keys > 0)
		most = asked->max_keys;
	run->confirmed = asked->max_keys > 0 || asked->confirm || most <= above;
	run->limit = (uint64_t)(run->confirmed ? most : above);
	run->max_latency_ms = asked->max_latency_ms < 0
				      ? (double)asked->conf->invalidate.max_latency_ms
				      : asked->max_latency_ms;
}

static enum error check_queue(const struct invalidate_run *run, struct fault *fault)
{
	const struct invalidator *owner = run->owner;
	size_t waiting = owner->arriving + pass_queue_waiting(owner->passes);
	size_t most = (size_t)owner->cache->conf->invalidate.queue;

	if (operations_active(owner->operations, "invalidate") +
			operations_active(owner->operations, "expire") >=
		active_max)
		return fault_set(fault, ERR_TOO_MANY_OPERATIONS,
			"%d invalidations are under way; ask again later", active_max);
	if (run->plan->pattern_count && waiting >= most)
		return fault_set(fault, ERR_TOO_MANY_OPERATIONS,
			"%zu invalidations wait for a pass (invalidate.queue is %zu); ask again "
			"later",
			waiting, most);
	return OK;
}

static enum error prepare(struct invalidate_run *run, struct fault *fault)
{
	enum error error = plan_new(run->asked, &run->plan, fault);

	if (!error)
		error = check_max_keys(run->asked, fault);
	if (error)
		return error;
	confirm_digest(run->asked, run->digest);
	run->confirm_unknown =
		run->asked->confirm && !run->asked->dry_run &&
		!confirms_valid(run->owner->confirms, run->asked->confirm, run->digest);
	set_limit(run);
	return check_queue(run, fault);
}

static const struct operation_kind removes = {
	"invalidate", invalidation_result_json, invalidation_result_free};
static const struct operation_kind expires = {
	"expire", invalidation_result_json, invalidation_result_free};

enum error invalidator_begin(struct invalidator *invalidator, struct invalidation *invalidation,
	struct operation **ret, struct fault *fault)
{
	struct invalidate_run *run = mem_new(struct invalidate_run);

	run->owner = invalidator;
	run->asked = invalidation;
	enum error error = prepare(run, fault);
	if (error) {
		invalidate_run_free(run);
		return error;
	}
	run->arriving = run->plan->pattern_count > 0;
	invalidator->arriving += run->arriving;
	const struct operation_spec spec = {
		.kind = invalidation_expires(invalidation) ? &expires : &removes,
		.by = invalidation->by,
		.note = invalidation->note,
		.run = invalidate_run,
		.context = run,
		.free_context = invalidate_run_free,
		.sweeps = run->plan->catches_all && !invalidation->dry_run,
		.dry_run = invalidation->dry_run};
	return operation_begin(invalidator->operations, &spec, ret, fault);
}
