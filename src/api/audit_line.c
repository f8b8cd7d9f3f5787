/* SPDX-License-Identifier: MIT */
/* Lines of the audit log about requests; see audit_line.h. */
#include "api/audit_line.h"

#include <string.h>

#include "api/audit_subject.h"
#include "api/body.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "text/json.h"
#include "text/trace.h"

/* Bodies below it select and describe; bodies elsewhere have values, session data and tokens. */
#define ADMIN_ROUTES "/api/v1/admin/"

static bool is_admin(const struct request *request)
{
	return slice_starts(slice_str(request_route(request)->path), SLICE(ADMIN_ROUTES));
}

static void add_member(struct buf *out, const char *name)
{
	buf_str(out, ",\"");
	buf_str(out, name);
	buf_str(out, "\":");
}

static void add_text(struct buf *out, const char *name, struct slice text)
{
	add_member(out, name);
	if (text.n)
		json_quote(out, text);
	else
		buf_str(out, "null");
}

static void add_bytes(struct buf *out, struct slice bytes)
{
	if (utf8_valid(bytes) && !memchr(bytes.p, '\0', bytes.n)) {
		json_quote(out, bytes);
		return;
	}
	buf_str(out, "{\"base64url\":\"");
	base64_encode(bytes, true, out);
	buf_str(out, "\"}");
}

static void add_pair(struct buf *out, bool *first, struct slice name, struct slice value)
{
	if (!*first)
		buf_char(out, ',');
	*first = false;
	json_quote(out, name);
	buf_char(out, ':');
	add_bytes(out, value.n ? value : SLICE(""));
}

/* What fills the {name} of the route's path. */
static void add_names(const struct request *request, struct buf *out)
{
	bool first = true;

	add_member(out, "names");
	buf_char(out, '{');
	for (const char *at = request_route(request)->path; (at = strchr(at, '{'));) {
		const char *end = strchr(at, '}');
		char name[32];
		size_t n = (size_t)(end - at - 1);

		if (n < sizeof name) {
			memcpy(name, at + 1, n);
			name[n] = '\0';
			add_pair(out, &first, slice_of(name, n), request_path(request, name));
		}
		at = end;
	}
	buf_char(out, '}');
}

/* The query parameters that the route takes. */
static void add_query(const struct request *request, struct buf *out)
{
	struct slice rest = slice_str(request_route(request)->query);
	bool first = true;

	add_member(out, "query");
	buf_char(out, '{');
	while (rest.n) {
		const char *space = memchr(rest.p, ' ', rest.n);
		size_t n = space ? (size_t)(space - rest.p) : rest.n;
		char name[32];
		struct slice value;

		if (n < sizeof name) {
			memcpy(name, rest.p, n);
			name[n] = '\0';
			if (request_query(request, name, &value))
				add_pair(out, &first, slice_of(name, n), value);
		}
		rest = slice_skip(rest, n + (space ? 1 : 0));
	}
	buf_char(out, '}');
}

static struct slice note_of(const struct audit_members *members, struct arena *arena)
{
	struct json_value note;

	if (!audit_members_find(members, SLICE("note"), &note) || note.type != JSON_STRING)
		return slice_of("", 0);
	return body_text(note, arena);
}

void audit_line_read(const struct request *request, bool parks, struct audit_about *ret)
{
	struct timeslice timeslice = {.since_ns = clock_mono_ns()},
			 *slice = parks ? &timeslice : NULL;
	struct audit_members members = {0};
	struct json_value dry_run;
	struct buf target = {0};

	*ret = (struct audit_about){0};
	if (!request_route(request))
		return;
	ret->is_json = is_admin(request) &&
		       json_check(request_body(request), &json_control_limits, NULL) == OK;
	if (ret->is_json)
		members = audit_members_read(request_body(request), &ret->texts, slice);
	ret->note = note_of(&members, &ret->texts);
	ret->dry_run = audit_members_find(&members, SLICE("dry_run"), &dry_run) &&
		       dry_run.type == JSON_TRUE;
	audit_subject(request, &members, slice, &target);
	ret->target = arena_take(&ret->texts, &target);
}

void audit_line_release(struct audit_about *about)
{
	arena_release(&about->texts);
	*about = (struct audit_about){0};
}

void audit_line_begin(const struct request *request, const struct audit_about *about,
	const char *daemon, const char *state, struct buf *out)
{
	const struct identity *who = request_identity(request);
	const struct route *route = request_route(request);
	char peer[PEER_MAX_TEXT];

	request_peer(request, peer);
	buf_str(out, "{\"time\":\"");
	timestamp_format(clock_wall_ms(), out);
	buf_char(out, '"');
	add_text(out, "name", slice_str(daemon));
	add_text(out, "state", slice_str(state));
	add_text(out, "by",
		who && !request_failed_login(request) ? slice_str(who->name) : SLICE(""));
	add_text(out, "address", slice_str(peer));
	add_text(out, "method", request_method(request));
	add_text(out, "route", route ? slice_str(route->path) : SLICE(""));
	if (route) {
		add_names(request, out);
		add_query(request, out);
	}
	add_text(out, "request_id", slice_str(request_id(request)));
	add_text(out, "trace_id", trace_id(request_trace(request)));
	if (!route)
		return;
	add_text(out, "note", about->note);
	add_member(out, "target");
	buf_add(out, about->target);
	if (about->dry_run)
		buf_str(out, ",\"dry_run\":true");
}

/* Without the white space between its words. */
static void compact(struct slice json, struct buf *out)
{
	bool quoted = false;

	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];

		if (!quoted && strchr(" \t\r\n", c))
			continue;
		buf_char(out, c);
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && i + 1 < json.n)
			buf_char(out, json.p[++i]);
	}
}

bool audit_line_body(
	const struct request *request, const struct audit_about *about, struct buf *out)
{
	struct slice body = request_body(request);

	if (body.n == 0 || body.n > AUDIT_BODY_BYTES || !about->is_json)
		return false;
	compact(body, out);
	return true;
}
