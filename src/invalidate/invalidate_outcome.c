/* SPDX-License-Identifier: MIT */
/* The reason, the state and the result with which an invalidation ends. */
#include "invalidate/invalidate_outcome.h"

#include <string.h>

#include "base/mem.h"

void invalidate_outcome_reason(struct invalidate_run *run, enum invalidation_reason reason)
{
	if (!run->reason)
		run->reason = reason;
}

void invalidate_outcome_error(struct invalidate_run *run, enum error error)
{
	bool timed_out = error == ERR_CANCELLED && operation_timed_out(run->operation);

	run->error = timed_out ? ERR_TIMEOUT : error;
	if (run->error == ERR_CANCELLED)
		invalidate_outcome_reason(run, REASON_CANCELLED);
	else if (error_redis(error) == ERROR_REDIS_NO_ANSWER)
		invalidate_outcome_reason(run, REASON_REDIS_DOWN);
	else
		invalidate_outcome_reason(run, REASON_ERROR);
}

static void refuse(const struct invalidate_run *run, struct fault *fault)
{
	if (run->confirm_unknown)
		fault_at(fault, ERR_CONFIRMATION_REQUIRED, "/confirm",
			"the confirmation is not known here, has expired after five minutes, or "
			"belongs to other selectors; this was a dry run: send the same again with "
			"its confirmation");
	else
		fault_set(fault, ERR_CONFIRMATION_REQUIRED,
			"more than %llu keys match; send the same again with this confirmation, or "
			"with max_keys",
			(unsigned long long)run->limit);
}

void invalidate_outcome_pass(struct invalidate_run *run, const struct pass_request *request)
{
	if (request->orphans > run->orphans)
		run->orphans = request->orphans;
	for (size_t i = 0; i < request->away.count; i++)
		if (!name_list_has(&run->away, request->away.items[i]))
			name_list_add(&run->away, request->away.items[i]);
	if (request->end == PASS_CHANGED)
		invalidate_outcome_reason(run, REASON_TOPOLOGY_CHANGED);
	if (request->end == PASS_SKIPPED)
		invalidate_outcome_reason(run, REASON_SKIPPED_NODES);
}

enum operation_state invalidate_outcome_state(
	struct invalidate_run *run, enum error error, struct fault *fault)
{
	if (run->needs_confirmation) {
		refuse(run, fault);
		return OPERATION_FAILED;
	}
	if (error) {
		run->reason = REASON_COMPLETE;
		invalidate_outcome_error(run, error);
	}
	if (error == ERR_CANCELLED)
		return OPERATION_CANCELLED;
	if (error && (run->asked->dry_run || run->invalidated + run->modified == 0)) {
		run->not_known = run->matched == 0;
		fault->error = error;
		return OPERATION_FAILED;
	}
	if (!run->reason || run->reason == REASON_MAX_KEYS)
		return OPERATION_COMPLETED;
	/* The result's reason tells it. */
	*fault = (struct fault){0};
	return OPERATION_PARTIAL;
}

void invalidate_outcome_count(const struct invalidate_run *run)
{
	struct metrics *metrics = run->owner->cache->metrics;
	bool there[SELECTOR_KINDS] = {false};

	for (size_t i = 0; i < run->plan->selector_count; i++)
		there[run->plan->selectors[i].kind] = true;
	if (invalidation_expires(run->asked))
		return;
	for (unsigned kind = 0; kind < SELECTOR_KINDS && metrics; kind++)
		if (there[kind])
			metric_add(metrics, METRIC_INVALIDATIONS, plan_selector_kind_name(kind),
				run->reason ? "false" : "true", 1);
}

/* What was counted only up to the threshold is not known. */
struct invalidation_result *invalidate_outcome_result(struct invalidate_run *run)
{
	struct invalidation_result *result = mem_new(struct invalidation_result);
	struct plan *plan = run->plan;
	bool known = !run->not_known && (!run->needs_confirmation || run->confirm_unknown);
	int64_t matched = (int64_t)run->matched;

	*result = (struct invalidation_result){.expires = invalidation_expires(run->asked),
		.dry_run = run->asked->dry_run,
		.reason = run->needs_confirmation ? REASON_CONFIRMATION_REQUIRED : run->reason,
		.error = run->error,
		.matched = known ? matched : -1,
		.matched_at_least = -1,
		.invalidated = run->invalidated,
		.softened = run->modified,
		.removed_instead = run->instead,
		.protected_skipped = run->protected_skipped + run->tags_skipped,
		.selectors = plan->selectors,
		.selector_count = plan->selector_count,
		.selectors_unknown = run->not_known,
		.sample_count = plan->sample_count,
		.texts = plan->texts,
		.passes = run->passes,
		.orphans = run->orphans,
		.duration_ms = (double)(clock_mono_ns() - run->began_ns) / 1e6};
	if (run->needs_confirmation)
		result->matched_at_least = run->confirm_unknown ? matched : (int64_t)run->limit + 1;
	memcpy(result->sample, plan->sample, sizeof result->sample);
	memcpy(result->confirmation, run->confirmation, sizeof result->confirmation);
	result->away = run->away;
	run->away = (struct name_list){0};
	result->names = run->names;
	run->names = (struct buf){0};
	plan->selectors = NULL;
	plan->texts = (struct arena){0};
	plan->selector_count = plan->sample_count = 0;
	return result;
}
