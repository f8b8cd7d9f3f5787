/* SPDX-License-Identifier: MIT */
/* Operations as JSON: for callers as api.md has it, for Redis with the instance that runs it. */
#include <string.h>

#include "operation/operation_internal.h"
#include "text/json.h"

enum { stored_selectors = 100 };

static const char *const state_names[] = {
	[OPERATION_QUEUED] = "queued",
	[OPERATION_RUNNING] = "running",
	[OPERATION_COMPLETED] = "completed",
	[OPERATION_PARTIAL] = "partial",
	[OPERATION_FAILED] = "failed",
	[OPERATION_CANCELLED] = "cancelled",
	[OPERATION_INTERRUPTED] = "interrupted",
};

const char *operation_state_name(enum operation_state state)
{
	return state_names[state];
}

bool operation_state_named(struct slice name, enum operation_state *ret)
{
	size_t i = 0, count = sizeof state_names / sizeof *state_names;

	while (i < count && !slice_is(name, state_names[i]))
		i++;
	if (ret && i < count)
		*ret = (enum operation_state)i;
	return i < count;
}

static double per_second(const struct operation *operation)
{
	int64_t end_ms = operation_ended(operation) ? operation->finished_mono_ms : clock_mono_ms();
	int64_t took_ms = end_ms - operation->started_mono_ms;

	return took_ms > 0 ? (double)operation->done * 1000 / (double)took_ms : 0;
}

/* What is not known is null. */
static void add_progress(cJSON *body, const struct operation *operation)
{
	cJSON *progress = cJSON_AddObjectToObject(body, "progress");
	double rate = per_second(operation);

	json_add_uint(progress, "done", operation->done);
	if (operation->total) {
		double ratio = (double)operation->done / (double)operation->total;

		json_add_uint(progress, "total", operation->total);
		json_add_number(progress, "ratio", ratio < 1 ? ratio : 1, 4);
	} else {
		cJSON_AddNullToObject(progress, "total");
		cJSON_AddNullToObject(progress, "ratio");
	}
	if (rate > 0)
		json_add_number(progress, "per_second", rate, 1);
	else
		cJSON_AddNullToObject(progress, "per_second");
	if (rate > 0 && operation->total >= operation->done && operation->total &&
		!operation_ended(operation))
		json_add_number(progress, "eta_seconds",
			(double)(operation->total - operation->done) / rate, 1);
	else
		cJSON_AddNullToObject(progress, "eta_seconds");
}

static void add_text(cJSON *body, const char *name, const char *text)
{
	if (text)
		json_add_slice(body, name, slice_str(text));
	else
		cJSON_AddNullToObject(body, name);
}

static void add_error(cJSON *body, const struct fault *fault)
{
	if (!fault->error) {
		cJSON_AddNullToObject(body, "error");
		return;
	}
	cJSON *error = cJSON_AddObjectToObject(body, "error");
	cJSON_AddStringToObject(error, "code", error_code(fault->error));
	cJSON_AddStringToObject(error, "title", error_title(fault->error));
	json_add_slice(error, "detail", slice_str(fault->detail));
}

static cJSON *to_json(const struct operation *operation, cJSON *result)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "operation_id", operation->id);
	cJSON_AddStringToObject(body, "kind", operation->kind);
	if (operation->subject)
		add_text(body, "job", operation->subject);
	cJSON_AddStringToObject(body, "state", operation_state_name(operation->state));
	cJSON_AddStringToObject(body, "phase", operation->phase);
	add_progress(body, operation);
	json_add_time(body, "started", operation->started_wall_ms);
	json_add_time(body, "finished", operation->finished_wall_ms);
	add_text(body, "by", operation->by);
	add_text(body, "note", operation->note);
	if (result)
		cJSON_AddItemToObject(body, "result", result);
	else
		cJSON_AddNullToObject(body, "result");
	add_error(body, &operation->fault);
	return body;
}

cJSON *operation_json(const struct operation *operation)
{
	const cJSON *result = operation_result(operation);

	return to_json(operation, result ? cJSON_Duplicate(result, true) : NULL);
}

cJSON *operation_json_ended(const struct operation *operation, enum operation_state state,
	const cJSON *result, const struct fault *fault)
{
	struct operation ended = *operation;

	ended.state = state;
	ended.phase = "ended";
	ended.finished_wall_ms = clock_wall_ms();
	ended.finished_mono_ms = clock_mono_ms();
	ended.fault = state == OPERATION_FAILED ? *fault : (struct fault){0};
	return to_json(&ended, result ? cJSON_Duplicate(result, true) : NULL);
}

/* Thousands of selectors would make thousands of long records: the first ones are kept. */
static cJSON *cut_selectors(const cJSON *selectors, cJSON *to)
{
	cJSON *kept = cJSON_CreateArray();
	int count = 0;

	for (const cJSON *at = selectors->child; at; at = at->next)
		if (count++ < stored_selectors)
			cJSON_AddItemToArray(kept, cJSON_Duplicate(at, true));
	if (count > stored_selectors)
		json_add_int(to, "selectors_omitted", count - stored_selectors);
	return kept;
}

static cJSON *stored_result(const cJSON *result)
{
	cJSON *copy = cJSON_CreateObject();

	for (const cJSON *at = result->child; at; at = at->next) {
		bool selectors = cJSON_IsArray(at) && strcmp(at->string, "selectors") == 0;

		cJSON_AddItemToObject(copy, at->string,
			selectors ? cut_selectors(at, copy) : cJSON_Duplicate(at, true));
	}
	return copy;
}

/* Names with NUL bytes stand in samples; cJSON would read such a string only up to there. */
static void replace_nuls(char *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		if (p[i] != '\\')
			continue;
		if (n - i >= 6 && memcmp(p + i, "\\u0000", 6) == 0)
			memcpy(p + i, "\\ufffd", 6);
		i++;
	}
}

void operation_record(const struct operation *operation, struct buf *out)
{
	const cJSON *result = operation_result(operation);
	cJSON *record = to_json(operation, result ? stored_result(result) : NULL);

	cJSON_AddStringToObject(record, "instance", operation->owner->cache->instance);
	json_print(record, out);
	replace_nuls(out->p, out->n);
	cJSON_Delete(record);
}

cJSON *record_parse(struct slice text)
{
	cJSON *record = NULL;

	return json_parse_object(text, &record, NULL) == OK ? record : NULL;
}

struct slice record_unfinished_instance(const cJSON *record)
{
	const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "state"));

	if (!slice_is(slice_str(state), operation_state_name(OPERATION_QUEUED)) &&
		!slice_is(slice_str(state), operation_state_name(OPERATION_RUNNING)))
		return slice_of("", 0);
	return slice_str(
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "instance")));
}

void record_finish(cJSON *record, bool alive)
{
	bool unfinished = record_unfinished_instance(record).n > 0;

	cJSON_DeleteItemFromObjectCaseSensitive(record, "instance");
	if (unfinished && !alive)
		cJSON_ReplaceItemInObjectCaseSensitive(record, "state",
			cJSON_CreateString(operation_state_name(OPERATION_INTERRUPTED)));
}
