/* SPDX-License-Identifier: MIT */
/*
 * The audit log of requests: what was asked for before it is done, and what came of it.
 *
 *	request -> line "intent", written -> the handler -> line with its outcome
 */
#include "api/audit_request.h"

#include <string.h>

#include <uthash.h>

#include "api/audit_line.h"
#include "base/mem.h"
#include "text/json.h"

/* Writes of single keys and sessions may be left out. */
static bool is_recorded(const struct app *app, const struct request *request)
{
	const struct conf *conf = request_conf(request);
	struct slice path = slice_str(request_route(request)->path);

	if (!audit_is_on(app->audit))
		return false;
	return conf->audit.cache_writes || slice_starts(path, SLICE("/api/v1/admin/")) ||
	       slice_is(path, "/api/v1/login");
}

/* What was read of a body for the intent is kept for the outcome. */
struct audit_kept {
	const struct request *request;
	struct audit_about about;
	UT_hash_handle hh;
};

static struct audit_about *keep(struct app *app, const struct request *request)
{
	struct audit_kept *kept = mem_new(struct audit_kept);

	kept->request = request;
	audit_line_read(request, true, &kept->about);
	HASH_ADD_PTR(app->audit_kept, request, kept);
	return &kept->about;
}

/* To be released. Without an intent, because the log was off, the body is read now. */
static struct audit_about take_kept(struct app *app, const struct request *request)
{
	struct audit_about about = {0};
	struct audit_kept *kept;

	HASH_FIND_PTR(app->audit_kept, &request, kept);
	if (kept) {
		about = kept->about;
		HASH_DEL(app->audit_kept, kept);
		mem_free(kept);
	} else if (is_recorded(app, request)) {
		/* It has replied: it lives until this fiber parks. */
		audit_line_read(request, false, &about);
	}
	return about;
}

static const char *daemon_name(const struct app *app)
{
	return app->engine.cache.conf->name;
}

enum error audit_request_begins(void *context, struct request *request, struct fault *fault)
{
	struct app *app = context;
	bool required = request_conf(request)->audit.required == AUDIT_ALL;
	struct buf line = {0};
	struct fault why;

	if (!is_recorded(app, request))
		return OK;
	const struct audit_about *about = keep(app, request);

	audit_line_begin(request, about, daemon_name(app), "intent", &line);
	buf_printf(&line, ",\"request_bytes\":%zu,\"request\":", request_body(request).n);
	if (!audit_line_body(request, about, &line))
		buf_str(&line, "null");
	buf_char(&line, '}');
	uint64_t at = audit_add(app->audit, buf_slice(&line));
	buf_release(&line);
	/* A dry run changes nothing. */
	required = required && !about->dry_run;
	if (audit_wait(app->audit, at, required, &why) && required) {
		*fault = why;
		return ERR_AUDIT_UNAVAILABLE;
	}
	return OK;
}

static const char *outcome_of(int status)
{
	if (status == 202)
		return "accepted";
	if (status < 400)
		return "completed";
	return status < 500 ? "refused" : "failed";
}

static void add_outcome(
	const struct request *request, int status, enum error error, struct buf *line)
{
	int64_t us = request_took_us(request);

	buf_printf(line, ",\"status\":%d,\"code\":", status);
	if (error)
		json_quote(line, slice_str(error_code(error)));
	else
		buf_str(line, "null");
	buf_printf(line, ",\"duration_ms\":%lld.%03lld}", (long long)(us / 1000),
		(long long)(us % 1000));
}

void audit_request_ended(void *context, struct request *request)
{
	struct app *app = context;
	struct audit_about about = take_kept(app, request);
	struct buf line = {0};

	if (is_recorded(app, request)) {
		audit_line_begin(request, &about, daemon_name(app),
			outcome_of(request_status(request)), &line);
		add_outcome(request, request_status(request), request_error(request), &line);
		audit_add(app->audit, buf_slice(&line));
	}
	buf_release(&line);
	audit_line_release(&about);
}

/* Changes nothing, so the handler of the route does not matter. */
static bool only_reads(const struct request *request)
{
	struct slice method = request_method(request);
	const struct route *route = request_route(request);

	return slice_is(method, "GET") || slice_is(method, "HEAD") ||
	       (route && route->flags & ROUTE_READS);
}

void audit_request_refused(void *context, struct request *request, const struct fault *fault)
{
	struct app *app = context;
	struct buf line = {0};
	struct audit_about about;
	bool denied = fault->error == ERR_FORBIDDEN && !only_reads(request);

	/* Without a token anybody could fill the file. */
	if (!audit_is_on(app->audit) || (!request_failed_login(request) && !denied))
		return;
	audit_line_read(request, false, &about);
	audit_line_begin(request, &about, daemon_name(app), "refused", &line);
	/* It was refused before one was written. */
	buf_str(&line, ",\"intent\":false");
	add_outcome(request, error_status(fault->error), fault->error, &line);
	audit_add(app->audit, buf_slice(&line));
	buf_release(&line);
	audit_line_release(&about);
}
