/* SPDX-License-Identifier: MIT */
/* The gate's checks; http/admit.c calls them in order. The Host rule is in gate_host.c. */
#include "http/gate.h"

#include <string.h>

#include "text/field.h"

bool gate_is_read(struct slice method)
{
	return slice_is(method, "GET") || slice_is(method, "HEAD");
}

enum error gate_method(struct slice method, struct fault *fault)
{
	static const char *const known[] = {
		"GET", "POST", "HEAD", "DELETE", "PUT", "PATCH", "OPTIONS"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (slice_is(method, known[i]))
			return OK;
	if (!field_is_name(method) || method.n > 32)
		return fault_set(
			fault, ERR_UNKNOWN_METHOD, "the method is not a valid method name");
	return fault_set(fault, ERR_UNKNOWN_METHOD,
		"the method %.*s is not supported; methods are written in upper case",
		(int)method.n, method.p);
}

/* A field that the gate stores in the head, and whether it may occur only once. */
struct known_field {
	struct slice name;
	size_t offset;
	bool single;
};

#define KNOWN(text, member, single) \
	{ \
		SLICE(text), offsetof(struct head, member), single \
	}

static const struct known_field known_fields[] = {
	KNOWN("host", host, true),
	KNOWN("authorization", authorization, true),
	KNOWN("content-type", content_type, true),
	KNOWN("content-length", content_length, true),
	KNOWN("cookie", cookie, true),
	KNOWN("expect", expect, true),
	KNOWN("transfer-encoding", transfer_encoding, false),
	KNOWN("origin", origin, true),
	KNOWN("sec-fetch-site", fetch_site, true),
	KNOWN("x-request-id", request_id, true),
	KNOWN("x-session-id", session_id, true),
	KNOWN("traceparent", traceparent, true),
};

/* Other fields that routes act on and that are not lists: they may occur only once. */
static const struct slice single_fields[] = {
	{"x-cache-lease", 13},
	{"fastly-soft-purge", 17},
};

static enum error refuse_second(
	const struct head *head, const struct head_field *field, struct fault *fault)
{
	for (size_t i = 0; i < sizeof single_fields / sizeof *single_fields; i++) {
		struct slice value;
		size_t at = 0;

		if (!field_equal(field->name, single_fields[i]))
			continue;
		head_find_from(head, single_fields[i], &at, &value);
		if (&head->fields[at - 1] != field)
			return fault_set(fault, ERR_BAD_REQUEST, "the header %s is given twice",
				single_fields[i].p);
	}
	return OK;
}

static enum error note_field(struct head *head, const struct head_field *field, struct fault *fault)
{
	for (size_t i = 0; i < sizeof known_fields / sizeof *known_fields; i++) {
		const struct known_field *known = &known_fields[i];
		struct slice *to = (struct slice *)((char *)head + known->offset);

		if (!field_equal(field->name, known->name))
			continue;
		if (to->p && known->single)
			return fault_set(fault, ERR_BAD_REQUEST, "the header %s is given twice",
				known->name.p);
		*to = field->value;
		return OK;
	}
	return refuse_second(head, field, fault);
}

enum error gate_fields(struct head *head, struct fault *fault)
{
	if (head->too_many)
		return fault_set(
			fault, ERR_HEADERS_TOO_LARGE, "more than %d headers", HEAD_MAX_FIELDS);
	if (head->field_bytes - head->cookie_bytes > HEAD_MAX_BYTES)
		return fault_set(fault, ERR_HEADERS_TOO_LARGE,
			"the headers have %zu bytes besides cookies, the limit is %d",
			head->field_bytes - head->cookie_bytes, HEAD_MAX_BYTES);
	/* On localhost, browsers send the cookies of all programs that serve there. */
	if (head->cookie_bytes > HEAD_MAX_BYTES)
		return fault_set(fault, ERR_HEADERS_TOO_LARGE,
			"the cookies have %zu bytes, the limit is %d", head->cookie_bytes,
			HEAD_MAX_BYTES);
	for (size_t i = 0; i < head->field_count; i++) {
		const struct head_field *field = &head->fields[i];
		enum error error;

		if (!field_is_name(field->name))
			return fault_set(fault, ERR_BAD_REQUEST,
				"the name of header %zu is not a token", i + 1);
		if (!field_is_value(field->value))
			return fault_set(fault, ERR_BAD_REQUEST,
				"the header %.*s contains a control character",
				(int)(field->name.n < 64 ? field->name.n : 64), field->name.p);
		error = note_field(head, field, fault);
		if (error)
			return error;
	}
	if (head->torn)
		return fault_set(fault, ERR_BAD_REQUEST,
			"the head has a folded line, a bare line feed, a NUL, a line that begins "
			"with a colon, or blanks in the request line");
	return OK;
}

enum error gate_framing(struct head *head, struct fault *fault)
{
	struct slice text = head->content_length;

	if (head->transfer_encoding.p)
		return fault_set(fault, ERR_LENGTH_REQUIRED,
			"Transfer-Encoding is not supported: send the body with a Content-Length");
	head->length = 0;
	if (!text.p)
		return OK;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			text.n = 0;
	if (text.n == 0)
		return fault_set(
			fault, ERR_BAD_REQUEST, "Content-Length must be one number of bytes");
	while (text.n > 1 && text.p[0] == '0')
		text = slice_skip(text, 1);
	/* A number beyond 64 bits is a length over every limit. */
	if (!slice_int64(text, &head->length))
		head->length = INT64_MAX;
	if (head->length > 0 && gate_is_read(head->method))
		return fault_set(fault, ERR_BAD_REQUEST, "%.*s takes no body", (int)head->method.n,
			head->method.p);
	return OK;
}

/* The media type without its parameters and the space around it. */
static struct slice media_type(struct slice value)
{
	const char *semicolon = value.n ? memchr(value.p, ';', value.n) : NULL;

	if (semicolon)
		value.n = (size_t)(semicolon - value.p);
	while (value.n > 0 && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t'))
		value.n--;
	return value;
}

static bool is_json_type(struct slice value)
{
	static const struct slice application = SLICE("application/"), json = SLICE("+json");
	struct slice type = media_type(value);

	if (field_equal(type, SLICE("application/json")))
		return true;
	return type.n > application.n + json.n &&
	       field_equal(slice_of(type.p, application.n), application) &&
	       field_equal(slice_of(type.p + type.n - json.n, json.n), json);
}

enum error gate_body(
	const struct head *head, const struct route *route, int64_t limit, struct fault *fault)
{
	if (head->length > 0 && !(route->flags & (ROUTE_JSON | ROUTE_BYTES)))
		return fault_set(fault, ERR_BAD_BODY, "this path accepts no body");
	if (head->length > limit)
		return fault_set(fault, ERR_TOO_LARGE,
			"the body's Content-Length is over the limit of %lld bytes",
			(long long)limit);
	if (head->expect.p && !field_equal(head->expect, SLICE("100-continue")))
		return fault_set(fault, ERR_EXPECTATION_FAILED,
			"the only supported expectation is 100-continue");
	/* An empty body needs no type, but the type of an HTML form is refused. */
	if ((route->flags & ROUTE_JSON) && (head->length > 0 || head->content_type.p) &&
		!is_json_type(head->content_type))
		return fault_set(fault, ERR_UNSUPPORTED_TYPE,
			"send Content-Type: application/json (curl --json)");
	return OK;
}

/* Whether `name` is one of the words of `list`, which are separated by spaces. */
static bool lists(const char *list, struct slice name)
{
	while (list && *list) {
		size_t n = strcspn(list, " ");

		if (slice_equal(slice_of(list, n), name))
			return true;
		list += n + (list[n] == ' ');
	}
	return false;
}

enum error gate_query(const struct uri *uri, const struct route *route, struct fault *fault)
{
	if (uri_parameter(uri, "access_token"))
		return fault_set(fault, ERR_BAD_REQUEST,
			"tokens in URLs end up in logs: send Authorization: Bearer TOKEN");
	for (size_t i = 0; i < uri->parameter_count; i++) {
		struct slice name = uri->parameters[i].name;

		if (lists(route->query, name))
			continue;
		if (!route->query || !*route->query)
			return fault_set(fault, ERR_BAD_PARAMETER,
				"the query parameter %.*s is not known: this path takes none",
				(int)(name.n < 64 ? name.n : 64), name.p);
		return fault_set(fault, ERR_BAD_PARAMETER,
			"the query parameter %.*s is not known; this path takes: %s",
			(int)(name.n < 64 ? name.n : 64), name.p, route->query);
	}
	return OK;
}

enum error gate_conditions(const struct head *head, const struct route *route, struct fault *fault)
{
	static const struct {
		const char *name;
		unsigned flag;
	} conditions[] = {{"If-Match", ROUTE_IF_MATCH}, {"If-None-Match", ROUTE_IF_NONE_MATCH},
		{"If-Modified-Since", 0}, {"If-Unmodified-Since", 0}, {"If-Range", 0}};
	struct slice value;

	/* Ignoring a condition on a GET only sends more bytes. */
	if (strcmp(route->method, "GET") == 0)
		return OK;
	for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
		if (!(route->flags & conditions[i].flag) &&
			head_find(head, slice_str(conditions[i].name), &value))
			return fault_set(fault, ERR_BAD_REQUEST,
				"the header %s is not supported by %s %s: remove it",
				conditions[i].name, route->method, route->path);
	return OK;
}

/* `http://HOST` or `https://HOST`, the origin of pages from this server. */
static bool is_own_origin(const struct head *head)
{
	static const struct slice schemes[] = {SLICE("http://"), SLICE("https://")};
	struct slice origin = head->origin;

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t n = schemes[i].n;

		if (slice_starts(origin, schemes[i]) &&
			field_equal(slice_skip(origin, n), head->host))
			return true;
	}
	return false;
}

enum error gate_origin_of_change(const struct head *head, struct fault *fault)
{
	struct slice site = head->fetch_site;
	bool foreign = head->origin.p && !is_own_origin(head);

	if (site.p && !slice_is(site, "same-origin") && !slice_is(site, "none"))
		foreign = true;
	if (foreign)
		return fault_set(
			fault, ERR_FORBIDDEN, "requests from pages of other sites need a token");
	return OK;
}
