/* SPDX-License-Identifier: MIT */
/* What an invalidation came to: the body of its route (api.md), and its metrics. */
#include "invalidate/invalidate_internal.h"
#include "text/json.h"

static const char *method_of(const struct plan_selector *selector)
{
	if (selector->scanned)
		return "scan";
	return selector->tagged ? "tag" : "unlink";
}

static void add_selectors(cJSON *body, const struct job *job)
{
	const struct plan *plan = job->plan;
	cJSON *selectors = cJSON_AddArrayToObject(body, "selectors");

	for (size_t i = 0; i < plan->selector_count; i++) {
		const struct plan_selector *selector = &plan->selectors[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "kind", selector_kind_name(selector->kind));
		json_add_slice(item, "value", selector->value);
		if (job->not_known)
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
static void add_totals(cJSON *body, const struct job *job)
{
	if (job->not_known || (job->needs_confirmation && !job->confirm_unknown))
		cJSON_AddNullToObject(body, "matched");
	else
		json_add_uint(body, "matched", job->matched);
	if (job->needs_confirmation)
		json_add_uint(body, "matched_at_least",
			job->confirm_unknown ? job->matched : job->limit + 1);
	json_add_uint(body, "invalidated", job->invalidated);
	json_add_uint(body, "softened", job->softened);
	json_add_uint(body, "protected_skipped", job->protected_skipped + job->tags_skipped);
}

cJSON *job_result(const struct job *job)
{
	cJSON *body = cJSON_CreateObject();
	const char *reason = job->needs_confirmation ? "confirmation_required" : job->reason;

	cJSON_AddBoolToObject(body, "dry_run", job->asked->dry_run);
	cJSON_AddBoolToObject(body, "complete", !reason);
	if (reason)
		cJSON_AddStringToObject(body, "reason", reason);
	else
		cJSON_AddNullToObject(body, "reason");
	add_totals(body, job);
	add_selectors(body, job);
	add_sample(body, job->plan);
	if (*job->token)
		cJSON_AddStringToObject(body, "confirm", job->token);
	else
		cJSON_AddNullToObject(body, "confirm");
	json_add_uint(body, "passes", job->passes);
	json_add_number(body, "duration_ms", (double)(clock_mono_ns() - job->began_ns) / 1e6, 1);
	cJSON_AddArrayToObject(body, "rewarm");
	return body;
}

void job_count_metrics(const struct job *job)
{
	struct metrics *metrics = job->owner->cache->metrics;
	bool there[SELECTOR_KINDS] = {false};

	for (size_t i = 0; i < job->plan->selector_count; i++)
		there[job->plan->selectors[i].kind] = true;
	for (unsigned kind = 0; kind < SELECTOR_KINDS && metrics; kind++)
		if (there[kind])
			metric_add(metrics, METRIC_INVALIDATIONS, selector_kind_name(kind),
				job->reason ? "false" : "true", 1);
}
