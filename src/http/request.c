/* SPDX-License-Identifier: MIT */
/* Requests: their memory, and what handlers read of them. */
#include "http/request.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "http/gate.h"
#include "http/login.h"
#include "http/server_internal.h"
#include "text/field.h"

/* The objects that are kept for the next requests, and the memory of their buffers. */
enum { max_spare = 256, max_spare_bytes = 8192 };

struct request *request_take(struct connection *connection)
{
	struct http_server *server = connection->listener->server;
	struct request *request = server->spare;

	if (request) {
		server->spare = request->next_spare;
		server->spare_count--;
	} else {
		request = mem_new(struct request);
		request->server = server;
	}
	request->connection = connection;
	request->state = REQUEST_NEW;
	request->holds = 1;
	request->status = 0;
	request->match.route = NULL;
	request->error = OK;
	request->auth.identity = NULL;
	request->auth.failed = false;
	request->auth.token = NULL;
	request->id[0] = request->trace[0] = '\0';
	request->uri.segment_count = request->uri.parameter_count = 0;
	return request;
}

static void trim(struct buf *b)
{
	if (b->cap > max_spare_bytes)
		buf_release(b);
	buf_clear(b);
}

static void request_free(struct request *request)
{
	buf_release(&request->target);
	buf_release(&request->head_text);
	buf_release(&request->body);
	buf_release(&request->reply_headers);
	mem_free(request);
}

void request_drop(struct request *request)
{
	struct http_server *server = request->server;

	if (--request->holds > 0)
		return;
	if (request->response)
		MHD_destroy_response(request->response);
	if (request->disowned)
		reply_room_release(request);
	assert(request->reply_charged == 0);
	if (request->disowned)
		connection_drop(request->disowned);
	conf_unref(request->conf);
	server->body_bytes -= request->body_charged;
	trim(&request->target);
	trim(&request->head_text);
	trim(&request->body);
	trim(&request->reply_headers);
	request->response = NULL;
	request->disowned = NULL;
	request->conf = NULL;
	request->body_charged = 0;
	request->suspended = request->refused = request->overloaded = false;
	request->retry_after_set = request->streams = false;
	request->own_security = 0;
	if (server->spare_count == max_spare) {
		request_free(request);
		return;
	}
	request->next_spare = server->spare;
	server->spare = request;
	server->spare_count++;
}

void requests_free_spare(struct http_server *server)
{
	while (server->spare) {
		struct request *request = server->spare;

		server->spare = request->next_spare;
		request_free(request);
	}
	server->spare_count = 0;
}

void request_set_trace(struct request *request)
{
	struct slice given = request->head.traceparent;

	request->trace[0] = '\0';
	if (given.p)
		trace_parse(given, request->trace);
}

/* The caller's if it is a token, else a number that no other request of this process has. */
void request_set_id(struct request *request)
{
	struct slice given = request->head.request_id;
	uint64_t mixed;

	if (given.p && given.n <= ID_BYTES && field_is_name(given)) {
		memcpy(request->id, given.p, given.n);
		request->id[given.n] = '\0';
		return;
	}
	/* A bijection (the finaliser of splitmix64): distinct numbers stay distinct. */
	mixed = request->server->next_id++;
	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
	mixed ^= mixed >> 31;
	for (int i = 15; i >= 0; i--, mixed >>= 4)
		request->id[i] = hex_digit(mixed & 15);
	request->id[16] = '\0';
}

bool request_only_reads(const struct request *request)
{
	return slice_is(request->head.method, "GET") || request_is_head(request) ||
	       (request->match.route && request->match.route->flags & ROUTE_READS);
}

bool request_is_answered(const struct request *request)
{
	return request->state == REQUEST_QUEUED;
}

bool request_is_head(const struct request *request)
{
	return slice_is(request->head.method, "HEAD");
}

const struct route *request_route(const struct request *request)
{
	return request->match.route;
}

struct conf *request_conf(const struct request *request)
{
	return request->conf;
}

const struct identity *request_identity(const struct request *request)
{
	return request->auth.identity;
}

const char *request_id(const struct request *request)
{
	return request->id;
}

struct slice request_method(const struct request *request)
{
	return request->head.method;
}

bool request_failed_login(const struct request *request)
{
	return request->auth.failed;
}

void request_peer(const struct request *request, char ret[PEER_MAX_TEXT])
{
	const struct connection *connection =
		request->connection ? request->connection : request->disowned;

	ret[0] = '\0';
	if (connection)
		peer_text(connection->peer, ret);
}

const char *request_trace(const struct request *request)
{
	return request->trace;
}

int64_t request_took_us(const struct request *request)
{
	return (clock_mono_ns() - request->began_ns) / 1000;
}

int request_status(const struct request *request)
{
	return request->status;
}

enum error request_error(const struct request *request)
{
	return request->error;
}

struct slice request_body(const struct request *request)
{
	return buf_slice(&request->body);
}

struct arena *request_arena(struct request *request)
{
	return &request->arena;
}

struct slice request_path(const struct request *request, const char *name)
{
	return router_segment(request->server->router, request->match.index, &request->uri, name);
}

bool request_query(const struct request *request, const char *name, struct slice *ret)
{
	const struct uri_parameter *parameter = uri_parameter(&request->uri, name);

	if (!parameter)
		return false;
	*ret = parameter->value;
	return true;
}

bool request_header(const struct request *request, const char *name, struct slice *ret)
{
	return head_find(&request->head, slice_str(name), ret);
}

enum error request_may_change(const struct request *request, struct fault *fault)
{
	if (auth_has_token(&request->auth))
		return OK;
	return request->auth.by_login ? login_may_change(request, fault)
				      : gate_origin_of_change(&request->head, fault);
}

bool request_header_line(
	const struct request *request, const char *name, size_t *at, struct slice *ret)
{
	return head_find_from(&request->head, slice_str(name), at, ret);
}

enum error request_query_bool(
	const struct request *request, const char *name, bool *ret, struct fault *fault)
{
	struct slice text;

	if (!request_query(request, name, &text))
		return OK;
	if (!slice_is(text, "true") && !slice_is(text, "false"))
		return fault_set(fault, ERR_BAD_PARAMETER,
			"the query parameter %s must be true or false", name);
	*ret = slice_is(text, "true");
	return OK;
}

enum error request_query_int(const struct request *request, const char *name, int64_t min,
	int64_t max, int64_t *ret, struct fault *fault)
{
	struct slice text;
	int64_t value;

	if (!request_query(request, name, &text))
		return OK;
	if (!slice_int64(text, &value) || value < min || value > max)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"the query parameter %s must be an integer from %lld to %lld", name,
			(long long)min, (long long)max);
	*ret = value;
	return OK;
}
