/* SPDX-License-Identifier: MIT */
/* Lines of the audit log joined to changes; see audit_changes.h. */
#include "watch/audit_changes.h"

#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "text/json.h"

enum { max_steps = 100 }; /* from an operation to what began it, and so on */

struct kept_line {
	struct kept_line *next;
	size_t n;
	char text[];
};

/* Lines of a change whose intent was not met yet, by the id of its request or operation. */
struct joined {
	UT_hash_handle hh;
	struct kept_line *outcomes;   /* newest first; several if clients use an id again */
	struct kept_line *operations; /* oldest first */
	size_t n;
	char id[];
};

/* An operation that belongs to a change. */
struct belongs {
	UT_hash_handle hh;
	char *change;
	size_t n;
	char operation[];
};

struct audit_changes {
	struct joined *waiting;
	struct belongs *operations;
	size_t bytes;
};

struct audit_changes *audit_changes_new(void)
{
	return mem_new(struct audit_changes);
}

static void lines_free(struct audit_changes *changes, struct kept_line *line)
{
	while (line) {
		struct kept_line *next = line->next;

		changes->bytes -= line->n;
		mem_free(line);
		line = next;
	}
}

static void change_free(struct audit_changes *changes, struct joined *change)
{
	HASH_DEL(changes->waiting, change);
	lines_free(changes, change->outcomes);
	lines_free(changes, change->operations);
	mem_free(change);
}

void audit_changes_free(struct audit_changes *changes)
{
	struct joined *change, *next;
	struct belongs *belongs, *next_belongs;

	if (!changes)
		return;
	HASH_ITER(hh, changes->waiting, change, next)
	{
		change_free(changes, change);
	}
	HASH_ITER(hh, changes->operations, belongs, next_belongs)
	{
		HASH_DEL(changes->operations, belongs);
		mem_free(belongs->change);
		mem_free(belongs);
	}
	mem_free(changes);
}

size_t audit_changes_bytes(const struct audit_changes *changes)
{
	return changes->bytes;
}

static struct slice line_slice(const struct kept_line *line)
{
	return slice_of(line->text, line->n);
}

/* A string's text, decoded, in `out`, which is cleared; "" if there is none. */
static struct slice text_of(struct slice line, const char *name, struct buf *out)
{
	struct json_value value;

	buf_clear(out);
	if (json_member(json_root(line), slice_str(name), &value) && value.type == JSON_STRING)
		json_decode_string(value, out);
	return buf_slice(out);
}

static bool text_is(struct slice line, const char *name, const char *wanted)
{
	struct buf text = {0};
	bool is = slice_is(text_of(line, name, &text), wanted);

	buf_release(&text);
	return is;
}

static bool has(struct slice line, const char *name)
{
	struct json_value value;

	return json_member(json_root(line), slice_str(name), &value);
}

/* What stands between the beginning of a route and the next slash. */
static struct slice first_word(struct slice route)
{
	static const struct slice beginnings[] = {
		{"/api/v1/admin/cache/", 20}, {"/api/v1/cache/", 14}, {"/api/v1/", 8}, {"/", 1}};

	for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
		if (slice_starts(route, beginnings[i])) {
			struct slice rest = slice_skip(route, beginnings[i].n);
			const char *slash = rest.n ? memchr(rest.p, '/', rest.n) : NULL;

			return slash ? slice_of(rest.p, (size_t)(slash - rest.p)) : rest;
		}
	return SLICE("");
}

void audit_changes_kind(struct slice line, struct buf *out)
{
	struct buf text = {0};

	if (has(line, "operation_id"))
		buf_add(out, text_of(line, "kind", &text));
	else if (text_is(line, "code", "unauthorized"))
		buf_str(out, "login");
	else
		buf_add(out, first_word(text_of(line, "route", &text)));
	buf_release(&text);
}

static struct joined *find(struct audit_changes *changes, struct slice id)
{
	struct joined *change;

	HASH_FIND(hh, changes->waiting, id.p, id.n, change);
	return change;
}

static struct joined *find_or_add(struct audit_changes *changes, struct slice id)
{
	struct joined *change = find(changes, id);

	if (change)
		return change;
	change = mem_zalloc(sizeof *change + id.n);
	change->n = id.n;
	memcpy(change->id, id.p, id.n);
	HASH_ADD_KEYPTR(hh, changes->waiting, change->id, change->n, change);
	return change;
}

static struct kept_line *copy(struct audit_changes *changes, struct slice text)
{
	struct kept_line *line = mem_alloc(sizeof *line + text.n);

	line->next = NULL;
	line->n = text.n;
	memcpy(line->text, text.p, text.n);
	changes->bytes += text.n;
	return line;
}

/* The change that an operation belongs to: its own, or that of what has begun it. */
static struct slice change_of(
	const struct audit_changes *changes, struct slice cause, struct slice operation)
{
	struct slice change = cause.n ? cause : operation;

	for (int steps = 0; steps < max_steps; steps++) {
		const struct belongs *belongs = NULL;

		HASH_FIND(hh, changes->operations, change.p, change.n, belongs);
		if (!belongs || slice_is(change, belongs->change))
			break;
		change = slice_str(belongs->change);
	}
	return change;
}

static void note_belongs(struct audit_changes *changes, struct slice operation, struct slice change)
{
	struct belongs *belongs;

	HASH_FIND(hh, changes->operations, operation.p, operation.n, belongs);
	if (belongs)
		return;
	belongs = mem_zalloc(sizeof *belongs + operation.n);
	belongs->n = operation.n;
	memcpy(belongs->operation, operation.p, operation.n);
	belongs->change = mem_strndup(change.p, change.n);
	changes->bytes += sizeof *belongs + operation.n + change.n;
	HASH_ADD_KEYPTR(hh, changes->operations, belongs->operation, belongs->n, belongs);
}

/* What `operation` has begun, and was met before, belongs to its change. */
static void adopt(struct audit_changes *changes, struct slice operation, struct joined *change)
{
	struct joined *own = find(changes, operation);
	struct kept_line **end = &change->operations;

	if (!own || own == change)
		return;
	while (*end)
		end = &(*end)->next;
	*end = own->operations;
	own->operations = NULL;
	change_free(changes, own);
}

static void take_operation(struct audit_changes *changes, struct slice line)
{
	struct buf id = {0}, cause = {0};
	struct slice operation = text_of(line, "operation_id", &id);
	struct slice owner = change_of(changes, text_of(line, "cause", &cause), operation);
	struct joined *change = find_or_add(changes, owner);
	struct kept_line *taken = copy(changes, line);

	taken->next = change->operations;
	change->operations = taken;
	note_belongs(changes, operation, slice_of(change->id, change->n));
	adopt(changes, operation, change);
	buf_release(&id);
	buf_release(&cause);
}

static void take_outcome(struct audit_changes *changes, struct slice id, struct slice line)
{
	struct kept_line **end = &find_or_add(changes, id)->outcomes;

	while (*end)
		end = &(*end)->next;
	*end = copy(changes, line);
}

static void add_name(struct buf *out, const char *name)
{
	buf_str(out, out->n && out->p[out->n - 1] != '{' ? ",\"" : "\"");
	buf_str(out, name);
	buf_str(out, "\":");
}

/* A member as the line has it; null if it has none. An empty line has none. */
static void add_member(struct buf *out, const char *name, struct slice line, const char *member)
{
	struct json_value value;

	add_name(out, name);
	if (line.n && json_member(json_root(line), slice_str(member), &value))
		buf_add(out, value.text);
	else
		buf_str(out, "null");
}

static void add_text(struct buf *out, const char *name, struct slice text)
{
	add_name(out, name);
	if (text.n)
		json_quote(out, text);
	else
		buf_str(out, "null");
}

static void add_operation(struct buf *out, struct slice line)
{
	static const char *const members[] = {"operation_id", "kind", "job", "state"};
	static const char *const counts[] = {"dry_run", "matched", "invalidated", "softened",
		"removed_instead", "selectors", "selectors_omitted", "changed", "rows", "stored",
		"rejected"};

	buf_char(out, '{');
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		add_member(out, members[i], line, members[i]);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		if (has(line, counts[i]))
			add_member(out, counts[i], line, counts[i]);
	add_member(out, "duration_ms", line, "duration_ms");
	add_member(out, "code", line, "code");
	buf_char(out, '}');
}

bool audit_changes_is_dry(struct slice line)
{
	struct json_value root = json_root(line), dry;

	return (json_member(root, SLICE("dry_run"), &dry) ||
		       json_path(root, SLICE("request/dry_run"), &dry)) &&
	       dry.type == JSON_TRUE;
}

static bool is_dry(struct slice first, const struct kept_line *operations)
{
	bool dry = audit_changes_is_dry(first);

	for (const struct kept_line *at = operations; at && !dry; at = at->next)
		dry = audit_changes_is_dry(line_slice(at));
	return dry;
}

/* Of the request, or, if that does not name it (tags in headers), of its first operation. */
static void add_target(struct buf *out, struct slice first, const struct kept_line *operations)
{
	struct json_value value;
	bool named =
		json_member(json_root(first), SLICE("target"), &value) && value.type == JSON_STRING;

	add_member(out, "target", named || !operations ? first : line_slice(operations), "target");
}

static int rank(struct slice line)
{
	static const char *const states[] = {
		"completed", "partial", "cancelled", "interrupted", "failed"};

	for (int i = 0; i < (int)(sizeof states / sizeof *states); i++)
		if (text_is(line, "state", states[i]))
			return i;
	return -1;
}

/* The worst of the operations, if the request began them; else the request's own state. */
static struct slice state_of(
	struct slice first, struct slice outcome, const struct kept_line *operations)
{
	struct slice worst = outcome.n ? outcome : first;

	if (outcome.n && !text_is(outcome, "state", "completed") &&
		!text_is(outcome, "state", "accepted"))
		return outcome;
	for (const struct kept_line *at = operations; at; at = at->next)
		if (at == operations || rank(line_slice(at)) > rank(worst))
			worst = line_slice(at);
	return worst;
}

/* When the last of its lines was written. */
static void add_ended(struct buf *out, struct slice outcome, const struct kept_line *operations)
{
	struct buf latest = {0}, time = {0};

	if (outcome.n)
		text_of(outcome, "time", &latest);
	for (const struct kept_line *at = operations; at; at = at->next)
		if (slice_compare(text_of(line_slice(at), "time", &time), buf_slice(&latest)) > 0) {
			buf_clear(&latest);
			buf_add(&latest, buf_slice(&time));
		}
	add_text(out, "ended", buf_slice(&latest));
	buf_release(&latest);
	buf_release(&time);
}

/*
 * The record of a change. `first`: its intent, or, where that is missing, another of its lines;
 * `outcome` is empty if there is none.
 */
static void add_record(struct buf *out, struct slice first, struct slice outcome,
	const struct kept_line *operations)
{
	static const char *const of_request[] = {"by", "address", "method", "route", "names",
		"query", "request", "request_id", "trace_id", "note"};
	bool own = has(first, "operation_id");
	struct slice end = own && operations ? line_slice(operations) : outcome;
	struct buf kind = {0};

	buf_char(out, '{');
	add_member(out, "time", first, "time");
	add_ended(out, outcome, operations);
	add_member(out, "name", first, "name");
	audit_changes_kind(outcome.n ? outcome : first, &kind);
	add_text(out, "kind", buf_slice(&kind));
	buf_release(&kind);
	add_member(out, "state", state_of(first, outcome, operations), "state");
	for (size_t i = 0; i < sizeof of_request / sizeof *of_request; i++)
		add_member(out, of_request[i], first, of_request[i]);
	add_target(out, first, operations);
	add_name(out, "dry_run");
	buf_str(out, is_dry(first, operations) ? "true" : "false");
	add_member(out, "status", outcome, "status");
	add_member(out, "code", end, "code");
	add_member(out, "duration_ms", end, "duration_ms");
	add_name(out, "operations");
	buf_char(out, '[');
	for (const struct kept_line *at = operations; at; at = at->next) {
		if (at != operations)
			buf_char(out, ',');
		add_operation(out, line_slice(at));
	}
	if (own && !operations)
		add_operation(out, first);
	buf_str(out, "]}");
}

/* Removes the newest outcome of the same route. */
static struct kept_line *detach_outcome(struct joined *change, struct slice intent)
{
	struct buf route = {0}, method = {0};
	struct kept_line **at = &change->outcomes, *found;

	text_of(intent, "route", &route);
	text_of(intent, "method", &method);
	while (*at && !(text_is(line_slice(*at), "route", route.n ? route.p : "") &&
			      text_is(line_slice(*at), "method", method.n ? method.p : "")))
		at = &(*at)->next;
	found = *at;
	if (found)
		*at = found->next;
	buf_release(&route);
	buf_release(&method);
	return found;
}

static void take_intent(
	struct audit_changes *changes, struct slice id, struct slice line, struct buf *out)
{
	struct joined *change = find(changes, id);
	struct kept_line *outcome = change ? detach_outcome(change, line) : NULL;

	add_record(out, line, outcome ? line_slice(outcome) : SLICE(""),
		change ? change->operations : NULL);
	if (outcome)
		outcome->next = NULL;
	lines_free(changes, outcome);
	if (!change)
		return;
	lines_free(changes, change->operations);
	change->operations = NULL;
	if (!change->outcomes)
		change_free(changes, change);
}

void audit_changes_take(struct audit_changes *changes, struct slice line, struct buf *out)
{
	bool operation = has(line, "operation_id"), intent = text_is(line, "state", "intent");
	struct buf id = {0}, cause = {0};

	text_of(line, operation ? "operation_id" : "request_id", &id);
	if (operation)
		text_of(line, "cause", &cause);
	struct json_value begun;
	bool alone =
		text_is(line, "code", "unauthorized") ||
		(json_member(json_root(line), SLICE("intent"), &begun) && begun.type == JSON_FALSE);

	if (!operation && alone)
		add_record(out, line, line, NULL);
	else if (intent && operation && cause.n)
		; /* its request has an intent of its own */
	else if (intent)
		take_intent(changes, buf_slice(&id), line, out);
	else if (operation)
		take_operation(changes, line);
	else
		take_outcome(changes, buf_slice(&id), line);
	buf_release(&id);
	buf_release(&cause);
}

bool audit_changes_rest(struct audit_changes *changes, struct buf *out)
{
	struct joined *change = changes->waiting;

	if (!change)
		return false;
	struct kept_line *outcome = change->outcomes;
	struct slice first = line_slice(outcome ? outcome : change->operations);

	add_record(out, first, outcome ? first : SLICE(""), change->operations);
	lines_free(changes, change->operations);
	change->operations = NULL;
	if (outcome) {
		change->outcomes = outcome->next;
		outcome->next = NULL;
		lines_free(changes, outcome);
	}
	if (!change->outcomes)
		change_free(changes, change);
	return true;
}
