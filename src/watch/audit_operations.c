/* SPDX-License-Identifier: MIT */
/* The audit log of operations; see audit_operations.h. */
#include "watch/audit_operations.h"

#include "base/mem.h"
#include "text/json.h"
#include "watch/audit_target.h"

struct audit_operations {
	struct cache *cache;
	struct operations *operations;
	struct audit *audit;
	struct event_subscription *ended;
};

static void copy_member(const cJSON *from, cJSON *to, const char *name)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(from, name);

	if (member)
		cJSON_AddItemToObject(to, name, cJSON_Duplicate(member, true));
}

static cJSON *line_json(
	const struct audit_operations *audited, struct operation *operation, const char *state)
{
	static const char *const counts[] = {"dry_run", "matched", "invalidated", "softened",
		"removed_instead", "changed", "rows", "stored", "rejected", "duration_ms"};
	struct operation_view view;
	cJSON *line = cJSON_CreateObject();

	operation_view(operation, &view);
	json_add_time(line, "time", clock_wall_ms());
	cJSON_AddStringToObject(line, "name", audited->cache->conf->name);
	cJSON_AddStringToObject(line, "state", state ? state : operation_state_name(view.state));
	json_add_text(line, "by", view.by);
	cJSON_AddStringToObject(line, "operation_id", view.id);
	json_add_text(line, "kind", view.kind);
	json_add_text(line, "job", view.has_subject ? view.subject : "");
	json_add_text(line, "cause", operation_cause(operation));
	json_add_text(line, "trace_id", view.trace_id);
	json_add_text(line, "note", view.note);
	audit_target_of_operation(line, view.result, view.has_subject ? view.subject : NULL);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		copy_member(view.result, line, counts[i]);
	if (!state)
		json_add_text(line, "code", view.error_code);
	operation_view_release(&view);
	return line;
}

static uint64_t add(
	struct audit_operations *audited, struct operation *operation, const char *state)
{
	cJSON *line = line_json(audited, operation, state);
	struct buf text = {0};

	json_print(line, &text);
	cJSON_Delete(line);
	uint64_t at = audit_add(audited->audit, buf_slice(&text));
	buf_release(&text);
	return at;
}

/* An operation_guard. Parks. */
static enum error guard(void *context, struct operation *operation, struct fault *fault)
{
	struct audit_operations *audited = context;
	bool sweeps = operation_sweeps(operation), own = !*operation_cause(operation);
	struct fault why;

	if (!audit_is_on(audited->audit) || (!sweeps && !own))
		return OK;
	bool required = audited->cache->conf->audit.required == AUDIT_ALL ||
			(sweeps && audited->cache->conf->audit.required == AUDIT_FLUSH);
	if (!audit_wait(audited->audit, add(audited, operation, "intent"), required, &why) ||
		!required)
		return OK;
	*fault = why;
	return fault->error;
}

static void operation_ended_now(void *context, const void *data)
{
	struct audit_operations *audited = context;

	if (audit_is_on(audited->audit))
		add(audited, (struct operation *)data, NULL);
}

struct audit_operations *audit_operations_new(
	struct cache *cache, struct operations *operations, struct audit *audit)
{
	struct audit_operations *audited = mem_new(struct audit_operations);

	audited->cache = cache;
	audited->operations = operations;
	audited->audit = audit;
	audited->ended = event_subscribe(cache->bus, EVENT_OPERATION, operation_ended_now, audited);
	operations_set_guard(operations, guard, audited);
	return audited;
}

void audit_operations_free(struct audit_operations *audited)
{
	if (!audited)
		return;
	operations_set_guard(audited->operations, NULL, NULL);
	event_unsubscribe(audited->ended);
	mem_free(audited);
}
