/* SPDX-License-Identifier: MIT */
/* What an invalidation came to: the body of its route (api.md), and its metrics. */
#include "invalidate/invalidate_run.h"
#include "text/json.h"

static const char *method_of(const struct plan_selector *selector)
{
	if (selector->scanned)
		return "scan";
	return selector->tagged ? "tag" : "unlink";
}

static void add_selectors(cJSON *body, const struct invalidate_run *run)
{
	const struct plan *plan = run->plan;
	cJSON *selectors = cJSON_AddArrayToObject(body, "selectors");

	for (size_t i = 0; i < plan->selector_count; i++) {
		const struct plan_selector *selector = &plan->selectors[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "kind", plan_selector_kind_name(selector->kind));
		json_add_slice(item, "value", selector->value);
		if (run->not_known)
			cJSON_AddNullToObject(item, "matched");
		else
			json_add_uint(item, "matched", selector->matched);
		json_add_uint(item, "invalidated", selector->invalidated);
		cJSON_AddStringToObject(item, "method", method_of(selector));
		cJSON_AddItemToArray(selectors, item);
	}
}

static void add_sample(cJSON *body, const struct plan *plan)
{
	cJSON *sample = cJSON_AddArrayToObject(body, "sample");

	for (size_t i = 0; i < plan->sample_count; i++)
		json_append_slice(sample, plan->sample[i]);
}

/* What was counted only up to the threshold is not known: null, and matched_at_least. */
static void add_totals(cJSON *body, const struct invalidate_run *run)
{
	if (run->not_known || (run->needs_confirmation && !run->confirm_unknown))
		cJSON_AddNullToObject(body, "matched");
	else
		json_add_uint(body, "matched", run->matched);
	if (run->needs_confirmation)
		json_add_uint(body, "matched_at_least",
			run->confirm_unknown ? run->matched : run->limit + 1);
	json_add_uint(body, "invalidated", run->invalidated);
	json_add_uint(body, "softened", run->softened);
	json_add_uint(body, "protected_skipped", run->protected_skipped + run->tags_skipped);
}

cJSON *invalidate_run_result(const struct invalidate_run *run)
{
	cJSON *body = cJSON_CreateObject();
	const char *reason = run->needs_confirmation ? "confirmation_required" : run->reason;

	cJSON_AddBoolToObject(body, "dry_run", run->asked->dry_run);
	cJSON_AddBoolToObject(body, "complete", !reason);
	if (reason)
		cJSON_AddStringToObject(body, "reason", reason);
	else
		cJSON_AddNullToObject(body, "reason");
	add_totals(body, run);
	add_selectors(body, run);
	add_sample(body, run->plan);
	if (*run->token)
		cJSON_AddStringToObject(body, "confirm", run->token);
	else
		cJSON_AddNullToObject(body, "confirm");
	json_add_uint(body, "passes", run->passes);
	json_add_number(body, "duration_ms", (double)(clock_mono_ns() - run->began_ns) / 1e6, 1);
	cJSON_AddArrayToObject(body, "rewarm");
	return body;
}

void invalidate_run_count_metrics(const struct invalidate_run *run)
{
	struct metrics *metrics = run->owner->cache->metrics;
	bool there[SELECTOR_KINDS] = {false};

	for (size_t i = 0; i < run->plan->selector_count; i++)
		there[run->plan->selectors[i].kind] = true;
	for (unsigned kind = 0; kind < SELECTOR_KINDS && metrics; kind++)
		if (there[kind])
			metric_add(metrics, METRIC_INVALIDATIONS, plan_selector_kind_name(kind),
				run->reason ? "false" : "true", 1);
}
