/* SPDX-License-Identifier: MIT */
/* GET /audit: pages of the audit log. */
#include "api/answer.h"
#include "api/handlers.h"
#include "api/list_query.h"
#include "watch/audit_page.h"

static enum error check(const struct request *request, const struct app *app, struct fault *fault)
{
	if (request_identity(request)->key_prefix_count)
		return fault_set(fault, ERR_FORBIDDEN,
			"the audit log names keys of all callers: a token with key_prefixes cannot "
			"read it");
	if (audit_path(app->audit))
		return OK;
	return fault_set(fault, ERR_NOT_FOUND, "%s",
		audit_is_on(app->audit)
			? "the audit log is written to standard output: read it there"
			: "there is no audit log: set audit.path");
}

static enum error read_query(
	const struct request *request, struct audit_page_query *query, struct fault *fault)
{
	struct list_query list;
	struct slice view = {0};
	enum error error = list_query(request, &list, fault);

	*query = (struct audit_page_query){.since_wall_ms = list.since_wall_ms,
		.until_wall_ms = list.until_wall_ms,
		.by = list.by,
		.cursor = list.cursor,
		.limit = list.limit};
	if (!error)
		error = list_query_text(request, "state", &query->state, fault);
	if (!error)
		error = list_query_text(request, "kind", &query->kind, fault);
	if (!error)
		error = list_query_maybe(
			request, "dry_run", &query->by_dryness, &query->dry_run, fault);
	if (!error)
		error = list_query_text(request, "view", &view, fault);
	query->changes = slice_is(view, "changes");
	if (!error && view.n && !query->changes && !slice_is(view, "lines"))
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"the parameter view must be lines (each line of the file, the default) or "
			"changes (one item for each change)");
	return error;
}

void api_audit(struct request *request, void *context)
{
	struct app *app = context;
	struct audit_page_query query;
	struct buf items = {0}, next = {0};
	struct fault fault;
	enum error error = check(request, app, &fault);

	if (!error)
		error = read_query(request, &query, &fault);
	if (!error) {
		fault_set(&fault, ERR_CANCELLED, "the request was cancelled");
		error = audit_page_read(
			app->loop, audit_path(app->audit), &query, &items, &next, &fault);
	}
	if (error)
		reply_fault(request, &fault);
	else
		answer_page(request, &items, buf_slice(&next));
	buf_release(&items);
	buf_release(&next);
}
