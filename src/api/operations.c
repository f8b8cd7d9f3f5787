/* SPDX-License-Identifier: MIT */
/* GET and DELETE /operations: current and ended operations of all daemons on this Redis. */
#include "api/operations.h"
#include "api/answer.h"

#include <string.h>

#include "api/body.h"
#include "api/handlers.h"
#include "api/hide.h"
#include "api/list_query.h"
#include "base/mem.h"

void operations_reply_accepted(struct request *request, struct operation *operation)
{
	char *location = mem_printf(OPERATIONS_PATH "/%s", operation_id(operation));
	struct operation_view view;

	operation_view(operation, &view);
	reply_header(request, "Location", location);
	reply_json(request, 202, operation_record_json(&view));
	operation_view_release(&view);
	mem_free(location);
}

static enum error read_query(
	struct request *request, struct operations_query *query, struct fault *fault)
{
	struct list_query list;
	enum error error = list_query(request, &list, fault);

	*query = (struct operations_query){.since_wall_ms = list.since_wall_ms,
		.until_wall_ms = list.until_wall_ms,
		.by = list.by,
		.limit = list.limit,
		.cursor = list.cursor};
	if (!error)
		error = list_query_text(request, "state", &query->state, fault);
	if (!error && query->state.n && !operation_state_named(query->state, NULL))
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"the parameter state must be queued, running, completed, partial, failed, "
			"cancelled or interrupted");
	if (!error)
		error = list_query_text(request, "kind", &query->kind, fault);
	if (!error)
		error = list_query_maybe(
			request, "dry_run", &query->by_dryness, &query->dry_run, fault);
	return error;
}

/* The operation as the caller may see it; takes `view` over. */
static cJSON *shown(struct request *request, struct operation_view *view)
{
	hide_operation(request_identity(request), request_conf(request), view);
	cJSON *body = operation_record_json(view);
	operation_view_release(view);
	return body;
}

void api_operations_list(struct request *request, void *context)
{
	struct app *app = context;
	struct operations_query query;
	struct operations_page page;
	struct fault fault;

	enum error error = read_query(request, &query, &fault);
	if (!error)
		error = operations_list(app->engine.operations, &query, &page, &fault);
	if (error) {
		reply_fault(request, &fault);
		return;
	}
	cJSON *body = cJSON_CreateObject();
	cJSON *items = cJSON_AddArrayToObject(body, "items");

	for (size_t i = 0; i < page.count; i++)
		cJSON_AddItemToArray(items, shown(request, &page.items[i]));
	json_add_text(body, "next", page.next);
	operations_page_release(&page);
	reply_json(request, 200, body);
}

void api_operations_get(struct request *request, void *context)
{
	struct app *app = context;
	struct operation_view view;
	struct fault fault;

	if (operations_find(app->engine.operations, request_path(request, "id"), &view, &fault))
		reply_fault(request, &fault);
	else
		reply_json(request, 200, shown(request, &view));
}

void api_operations_cancel(struct request *request, void *context)
{
	struct app *app = context;
	struct operation_view view;
	struct slice note = {0};
	struct fault fault;

	if (body_note_only(request, &note, &fault) ||
		operations_cancel(app->engine.operations, request_path(request, "id"),
			request_identity(request), &view, &fault)) {
		if (fault.error == ERR_FORBIDDEN)
			reply_scope_missing(request, SCOPE_OPERATE);
		reply_fault(request, &fault);
	} else {
		answer_log_note(
			request, app, "cancelled operation", request_path(request, "id"), note);
		reply_json(request, 202, shown(request, &view));
	}
}
