/* SPDX-License-Identifier: MIT */
/* The result of an invalidation as JSON; see invalidation_result.h. */
#include "invalidate/invalidation_result.h"

#include "base/mem.h"
#include "text/json.h"

static const char *const reasons[] = {
#define TEXT_OF(name, text) [REASON_##name] = (text),
	INVALIDATION_REASON_TABLE(TEXT_OF)
#undef TEXT_OF
};

const char *invalidation_result_reason(const struct invalidation_result *result)
{
	return result->reason == REASON_ERROR ? error_code(result->error) : reasons[result->reason];
}

static const char *method_of(
	const struct invalidation_result *result, const struct plan_selector *selector)
{
	if (selector->scanned)
		return "scan";
	if (selector->tagged)
		return "tag";
	return result->expires ? "key" : "unlink";
}

/* Of POST /expire. What a dry run has only looked at would be changed. */
static void add_changed(cJSON *body, const struct invalidation_result *result, uint64_t count)
{
	json_add_uint(body, "changed", result->dry_run ? 0 : count);
	if (result->dry_run)
		json_add_uint(body, "would_change", count);
}

static void add_selectors(cJSON *body, const struct invalidation_result *result)
{
	cJSON *selectors = cJSON_AddArrayToObject(body, "selectors");

	for (size_t i = 0; i < result->selector_count; i++) {
		const struct plan_selector *selector = &result->selectors[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "kind", plan_selector_kind_name(selector->kind));
		json_add_slice(item, "value", selector->value);
		json_add_count(item, "matched",
			result->selectors_unknown ? -1 : (int64_t)selector->matched);
		if (result->expires)
			add_changed(item, result, selector->invalidated);
		else
			json_add_uint(item, "invalidated", selector->invalidated);
		cJSON_AddStringToObject(item, "method", method_of(result, selector));
		cJSON_AddItemToArray(selectors, item);
	}
}

static void add_nodes(cJSON *body, const struct name_list *away)
{
	cJSON *nodes = cJSON_AddArrayToObject(body, "nodes");

	for (size_t i = 0; i < away->count; i++)
		json_append_slice(nodes, away->items[i]);
}

static void add_rewarmed(cJSON *body, const struct invalidation_result *result)
{
	cJSON *list = cJSON_AddArrayToObject(body, "rewarm");

	for (size_t i = 0; i < result->rewarmed_count; i++) {
		const struct invalidation_rewarmed *run = &result->rewarmed[i];
		cJSON *item = cJSON_CreateObject();

		json_add_text(item, "operation_id", run->operation_id);
		cJSON_AddStringToObject(item, "job", run->job);
		if (run->why)
			json_add_text(item, "error", run->why);
		cJSON_AddItemToArray(list, item);
	}
}

static char *tell_instead(unsigned long long instead)
{
	return mem_printf(
		"%llu %s removed instead of made stale, because Redis is at maxmemory and "
		"refused to store that they are stale (redis_oom): raise maxmemory, or set "
		"an eviction policy",
		instead, instead == 1 ? "key was" : "keys were");
}

/* Only where Redis had no memory for a soft purge. */
static void add_instead(cJSON *body, const struct invalidation_result *result)
{
	if (!result->removed_instead)
		return;
	char *warning = tell_instead(result->removed_instead);

	json_add_uint(body, "removed_instead", result->removed_instead);
	json_add_text(body, "warning", warning);
	mem_free(warning);
}

void invalidation_result_add(const struct invalidation_result *result, cJSON *body)
{
	cJSON_AddBoolToObject(body, "dry_run", result->dry_run);
	cJSON_AddBoolToObject(body, "complete", result->reason == REASON_COMPLETE);
	json_add_text(body, "reason", invalidation_result_reason(result));
	if (result->reason == REASON_SKIPPED_NODES)
		add_nodes(body, &result->away);
	json_add_count(body, "matched", result->matched);
	if (result->matched_at_least >= 0)
		json_add_int(body, "matched_at_least", result->matched_at_least);
	if (result->expires) {
		add_changed(body, result, result->softened);
	} else {
		json_add_uint(body, "invalidated", result->invalidated);
		json_add_uint(body, "softened", result->softened);
		add_instead(body, result);
	}
	json_add_uint(body, "protected_skipped", result->protected_skipped);
	if (result->orphans)
		json_add_uint(body, "orphans", result->orphans);
	add_selectors(body, result);
	cJSON *sample = cJSON_AddArrayToObject(body, "sample");
	for (size_t i = 0; i < result->sample_count; i++)
		json_append_slice(sample, result->sample[i]);
	json_add_text(body, "confirm", result->confirmation);
	json_add_uint(body, "passes", result->passes);
	json_add_number(body, "duration_ms", result->duration_ms, 1);
	if (!result->expires)
		add_rewarmed(body, result);
}

cJSON *invalidation_result_json(const void *result)
{
	cJSON *body = cJSON_CreateObject();

	invalidation_result_add(result, body);
	return body;
}

void invalidation_result_free(void *result)
{
	struct invalidation_result *own = result;

	mem_free(own->selectors);
	name_list_release(&own->away);
	for (size_t i = 0; i < own->rewarmed_count; i++) {
		mem_free(own->rewarmed[i].job);
		mem_free(own->rewarmed[i].why);
	}
	mem_free(own->rewarmed);
	buf_release(&own->names);
	arena_release(&own->texts);
	mem_free(own);
}
