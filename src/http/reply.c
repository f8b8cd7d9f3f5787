/* SPDX-License-Identifier: MIT */
/*
 * Replies: made here, kept in the request, queued by exchange.c when MHD asks for them.
 *
 * Special: a handler in a fiber replies while its connection waits, which the reply then wakes, or
 * has ended; then the reply is only counted and logged.
 */
#include "http/reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "http/problem.h"
#include "http/server_internal.h"
#include "text/field.h"
#include "text/json.h"

static const struct {
	const char *name;
	const char *value;
} security_headers[] = {
	{"Cache-Control", "no-store"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
};

void reply_header(struct request *request, const char *name, const char *value)
{
	assert(field_is_name(slice_str(name)) && field_is_value(slice_str(value)));
	buf_append(&request->reply_headers, name, strlen(name) + 1);
	buf_append(&request->reply_headers, value, strlen(value) + 1);
	if (strcmp(name, "Retry-After") == 0)
		request->retry_after_set = true;
	/* A header that a handler sets replaces the default. */
	for (size_t i = 0; i < sizeof security_headers / sizeof *security_headers; i++)
		if (strcmp(name, security_headers[i].name) == 0)
			request->own_security |= 1u << i;
}

void reply_retry_after(struct request *request, int seconds)
{
	char text[16];

	snprintf(text, sizeof text, "%d", seconds);
	reply_header(request, "Retry-After", text);
}

void reply_scope_missing(struct request *request, enum scope scope)
{
	char text[AUTH_MAX_CHALLENGE];

	auth_challenge_scope(scope, text);
	reply_header(request, "WWW-Authenticate", text);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	/* It fails only for what reply_header() asserts, or when memory is exhausted. */
	if (MHD_add_response_header(response, name, value) != MHD_YES)
		mem_exhausted();
}

static void add_headers(
	struct request *request, struct MHD_Response *response, const char *content_type)
{
	const char *at = request->reply_headers.p;
	const char *end = slice_end(slice_of(at, request->reply_headers.n));
	const struct connection *connection = request->connection;

	if (content_type)
		add_header(response, "Content-Type", content_type);
	if (connection && connection->tls)
		add_header(response, "Strict-Transport-Security", "max-age=31536000");
	add_header(response, "X-Request-Id", request->id);
	for (size_t i = 0; i < sizeof security_headers / sizeof *security_headers; i++)
		if (!(request->own_security & 1u << i))
			add_header(response, security_headers[i].name, security_headers[i].value);
	while (at < end) {
		const char *value = at + strlen(at) + 1;

		add_header(response, at, value);
		at = value + strlen(value) + 1;
	}
	if (connection && (request->server->draining || connection->listener->draining ||
				  connection->requests >= REQUESTS_PER_CONNECTION))
		add_header(response, "Connection", "close");
}

/* Claims room for a body that exists already. */
static enum error find_room(struct request *request, int status, size_t n, struct fault *fault)
{
	enum error error = OK;

	if (status < 400 && request->match.route && request_only_reads(request))
		error = reply_claim(request, n, fault);
	else
		reply_room_force(request, n);
	return error;
}

static void drop_headers(struct request *request)
{
	buf_clear(&request->reply_headers);
	request->retry_after_set = false;
	request->own_security = 0;
}

void reply_response(struct request *request, int status, const char *content_type,
	struct MHD_Response *response)
{
	add_headers(request, response, content_type);
	request->response = response;
	request->status = status;
	if (request->suspended)
		MHD_resume_connection(request->mhd);
	if (request->suspended || request->awaited)
		loop_pump_wake(&request->connection->listener->pump);
	request->suspended = false;
}

/* Takes `body` over; NULL = none. */
static void finish(
	struct request *request, int status, const char *content_type, char *body, size_t n)
{
	struct MHD_Response *response;
	struct fault fault;

	if (find_room(request, status, n, &fault)) {
		mem_free(body);
		drop_headers(request);
		reply_fault(request, &fault);
		return;
	}

	assert(!request->response && request->state != REQUEST_QUEUED);
	if ((status == 202 || status == 429 || status == 503) && !request->retry_after_set)
		reply_retry_after(request, 1);
	if (body)
		response = MHD_create_response_from_buffer_with_free_callback(n, body, mem_free);
	else
		response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	if (!response)
		mem_exhausted();
	reply_response(request, status, content_type, response);
}

void reply_owned(
	struct request *request, int status, const char *content_type, char *body, size_t n)
{
	finish(request, status, content_type, body, n);
}

void reply_bytes(struct request *request, int status, const char *content_type, struct slice body)
{
	finish(request, status, content_type, mem_strndup(body.p, body.n), body.n);
}

void reply_empty(struct request *request, int status)
{
	finish(request, status, NULL, NULL, 0);
}

void reply_json(struct request *request, int status, cJSON *value)
{
	struct buf text = {0};
	size_t n;
	char *body;

	json_print_yielding(value, &text);
	cJSON_Delete(value);
	buf_char(&text, '\n');
	body = buf_steal(&text, &n);
	finish(request, status, "application/json", body, n);
}

void reply_fault_with(struct request *request, const struct fault *fault, cJSON *extra)
{
	struct buf text = {0};
	size_t n;
	char *body;

	request->error = fault->error;
	problem_render(fault, request->id, extra, &text);
	cJSON_Delete(extra);
	body = buf_steal(&text, &n);
	finish(request, error_status(fault->error), "application/problem+json", body, n);
}

void reply_fault(struct request *request, const struct fault *fault)
{
	reply_fault_with(request, fault, NULL);
}
