/* SPDX-License-Identifier: MIT */
/* The record of an operation: the one place where it is written as JSON, and read from it. */
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
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

const char *operation_phase_text(enum operation_phase phase)
{
	static const char *const texts[] = {
#define PHASE_TEXT(name, text) [OPERATION_PHASE_##name] = text,
		OPERATION_PHASE_TABLE(PHASE_TEXT)
#undef PHASE_TEXT
	};

	return texts[phase];
}

/* What waits has neither a rate nor an end that can be estimated. */
static void set_rate(struct operation_view *view, int64_t took_ms, bool waits)
{
	double left = (double)view->total - (double)view->done;

	view->per_second = view->eta_s = -1;
	if (took_ms <= 0 || view->done == 0 || waits)
		return;
	view->per_second = (double)view->done * 1000 / (double)took_ms;
	if (view->total && left >= 0 && !operation_state_ended(view->state))
		view->eta_s = left / view->per_second;
}

static void view_at(struct operation *operation, enum operation_state state, const void *result,
	const struct fault *fault, struct operation_view *ret)
{
	bool ended = operation_state_ended(state), was_ended = operation_ended(operation);
	int64_t end_ms = was_ended ? operation->finished_mono_ms : clock_mono_ms();

	*ret = (struct operation_view){.state = state,
		.kind = operation->kind->name,
		.phase = operation_phase_text(ended ? OPERATION_PHASE_ENDED : operation->phase),
		.by = operation->by,
		.has_subject = operation->subject,
		.subject = operation->subject,
		.dry_run = operation->dry_run,
		.note = operation->note,
		.trace_id = *operation->trace_id ? operation->trace_id : NULL,
		.done = operation->done,
		.total = operation->total,
		.started_wall_ms = operation->started_wall_ms,
		.finished_wall_ms =
			ended && !was_ended ? clock_wall_ms() : operation->finished_wall_ms,
		.result = result ? operation->kind->json(result) : NULL,
		.so_far = !ended && operation->so_far ? operation->so_far(operation->so_far_context)
						      : NULL,
		.instance = operation->owner->cache->instance,
		.operation = operation_ref(operation)};
	memcpy(ret->id, operation->id, sizeof ret->id);
	set_rate(ret, end_ms - operation->started_mono_ms,
		!ended && operation->phase == OPERATION_PHASE_WAITING);
	if (!fault->error)
		return;
	ret->error_code = error_code(fault->error);
	ret->error_title = error_title(fault->error);
	ret->error_detail = fault->detail;
}

void operation_view(struct operation *operation, struct operation_view *ret)
{
	const struct fault *fault = operation->waits.error ? &operation->waits : &operation->fault;

	view_at(operation, operation->state, operation_result(operation), fault, ret);
}

void operation_view_ended(struct operation *operation, enum operation_state state,
	const void *result, const struct fault *fault, struct operation_view *ret)
{
	static const struct fault none = {0};

	bool told = state == OPERATION_FAILED || state == OPERATION_PARTIAL;

	view_at(operation, state, result, told ? fault : &none, ret);
}

void operation_view_release(struct operation_view *view)
{
	cJSON_Delete(view->result);
	cJSON_Delete(view->so_far);
	cJSON_Delete(view->document);
	operation_unref(view->operation);
	*view = (struct operation_view){0};
}

static void add_progress(cJSON *body, const struct operation_view *view)
{
	cJSON *progress = cJSON_AddObjectToObject(body, "progress");
	double ratio = view->total ? (double)view->done / (double)view->total : -1;

	json_add_uint(progress, "done", view->done);
	json_add_count(progress, "total", view->total ? (int64_t)view->total : -1);
	json_add_known(progress, "ratio", ratio < 1 ? ratio : 1, 4);
	json_add_known(progress, "per_second", view->per_second, 1);
	json_add_known(progress, "eta_seconds", view->eta_s, 1);
}

cJSON *operation_record_json(const struct operation_view *view)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "operation_id", view->id);
	json_add_text(body, "kind", view->kind);
	if (view->has_subject)
		json_add_text(body, "job", view->subject);
	if (view->dry_run)
		cJSON_AddTrueToObject(body, "dry_run");
	cJSON_AddStringToObject(body, "state", operation_state_name(view->state));
	json_add_text(body, "phase", view->phase);
	add_progress(body, view);
	json_add_time(body, "started", view->started_wall_ms);
	json_add_time(body, "finished", view->finished_wall_ms);
	json_add_text(body, "by", view->by);
	json_add_text(body, "note", view->note);
	json_add_text(body, "trace_id", view->trace_id);
	cJSON_AddItemToObject(body, "result",
		view->result ? cJSON_Duplicate(view->result, true) : cJSON_CreateNull());
	if (view->so_far)
		cJSON_AddItemToObject(body, "so_far", cJSON_Duplicate(view->so_far, true));
	if (!view->error_code) {
		cJSON_AddNullToObject(body, "error");
		return body;
	}
	cJSON *error = cJSON_AddObjectToObject(body, "error");
	json_add_text(error, "code", view->error_code);
	json_add_text(error, "title", view->error_title);
	json_add_text(error, "detail", view->error_detail);
	return body;
}

/* Thousands of selectors would make thousands of long records: the first ones are kept. */
static void cut_selectors(cJSON *result)
{
	cJSON *selectors = cJSON_GetObjectItemCaseSensitive(result, "selectors");
	int omitted = cJSON_GetArraySize(selectors) - stored_selectors;

	for (int i = 0; i < omitted; i++)
		cJSON_DeleteItemFromArray(selectors, stored_selectors);
	if (omitted > 0)
		json_add_int(result, "selectors_omitted", omitted);
}

/* Names with NUL bytes may stand in samples; cJSON would read such a string only up to there. */
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

void operation_record_write(struct operation *operation, struct buf *out)
{
	struct operation_view view;

	operation_view(operation, &view);
	cut_selectors(view.result);
	cJSON *record = operation_record_json(&view);
	cJSON_AddStringToObject(record, "instance", view.instance);
	json_print(record, out);
	replace_nuls(out->p, out->n);
	cJSON_Delete(record);
	operation_view_release(&view);
}

static const char *text_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* Numbers are raw text where this process has written them; null is `none`. */
static double number_of(const cJSON *object, const char *name, double none)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (cJSON_IsRaw(item))
		return strtod(item->valuestring, NULL);
	return cJSON_IsNumber(item) ? item->valuedouble : none;
}

/* Also of a record with absurd numbers. */
static uint64_t count_of(const cJSON *object, const char *name)
{
	double number = number_of(object, name, 0);

	return number >= 0 && number < 0x1p63 ? (uint64_t)number : 0;
}

static int64_t time_of(const cJSON *object, const char *name)
{
	const char *text = text_of(object, name);
	int64_t wall_ms;

	return text && !timestamp_parse(slice_str(text), &wall_ms) ? wall_ms : -1;
}

static cJSON *detach(cJSON *object, const char *name)
{
	cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(object, name);

	if (!cJSON_IsNull(item))
		return item;
	cJSON_Delete(item);
	return NULL;
}

static bool is_true(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool operation_record_view(cJSON *document, struct operation_view *ret)
{
	const cJSON *progress = cJSON_GetObjectItemCaseSensitive(document, "progress");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(document, "error");
	const char *id = text_of(document, "operation_id");
	enum operation_state state;

	if (!id || strlen(id) != OPERATION_ID_BYTES ||
		!operation_state_named(slice_str(text_of(document, "state")), &state)) {
		cJSON_Delete(document);
		return false;
	}
	*ret = (struct operation_view){.state = state,
		.kind = text_of(document, "kind"),
		.phase = text_of(document, "phase"),
		.by = text_of(document, "by"),
		.has_subject = cJSON_HasObjectItem(document, "job"),
		.subject = text_of(document, "job"),
		.note = text_of(document, "note"),
		.trace_id = text_of(document, "trace_id"),
		.done = count_of(progress, "done"),
		.total = count_of(progress, "total"),
		.per_second = number_of(progress, "per_second", -1),
		.eta_s = number_of(progress, "eta_seconds", -1),
		.started_wall_ms = time_of(document, "started"),
		.finished_wall_ms = time_of(document, "finished"),
		.error_code = text_of(error, "code"),
		.error_title = text_of(error, "title"),
		.error_detail = text_of(error, "detail"),
		.instance = text_of(document, "instance"),
		.result = detach(document, "result"),
		.so_far = detach(document, "so_far"),
		.document = document};
	/* Older versions say it in the result only. */
	ret->dry_run = is_true(document, "dry_run") || is_true(ret->result, "dry_run");
	memcpy(ret->id, id, sizeof ret->id);
	return true;
}

bool operation_record_read(struct slice text, struct operation_view *ret)
{
	cJSON *document;

	return json_parse_object(text, &document, NULL) == OK &&
	       operation_record_view(document, ret);
}
