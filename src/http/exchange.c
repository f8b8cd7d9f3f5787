/* SPDX-License-Identifier: MIT */
/*
 * One request and its reply, driven by MHD's callbacks.
 *
 *	target -> first call: admitted, or refused at once
 *	       -> body calls -> last call: the handler runs, inline or in a fiber
 *	       -> called again, for AWAIT_MS whenever MHD runs, then suspended and resumed by the
 *	          reply: the reply is queued -> completed
 *
 * Special: if the reply is queued in the first call, MHD reads no body and closes the connection,
 * as a refusal needs; a handler's reply keeps it. If the client disconnects while the reply is
 * awaited, the request completes at once, and the handler continues without it. So does what a
 * route does about a refused request while the refusal is being sent.
 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "http/reply.h"
#include "http/server_internal.h"

/* The status that is counted if the client did not wait for the reply, as in nginx. */
enum { CLIENT_HUNG_UP = 499 };

static struct connection *connection_of_mhd(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void *exchange_target(void *context, const char *target, struct MHD_Connection *mhd)
{
	struct listener *listener = context;
	struct connection *connection = connection_of_mhd(mhd);
	struct request *request = request_take(connection);

	/* One byte over the limit is enough for the gate to refuse it. */
	if (target)
		buf_append(&request->target, target, strnlen(target, URI_MAX_BYTES + 1));
	connection->requests++;
	listener->moved = true;
	/* The first request's time runs from the accept. */
	if (connection_idle(connection))
		deadline_move(&listener->server->deadlines, &connection->deadline, PHASE_HEAD);
	return request;
}

static void move_to(struct request *request, enum phase phase)
{
	deadline_move(&request->server->deadlines, &request->connection->deadline, phase);
}

static enum MHD_Result queue(struct request *request)
{
	enum MHD_Result result =
		MHD_queue_response(request->mhd, (unsigned)request->status, request->response);

	MHD_destroy_response(request->response);
	request->response = NULL;
	request->state = REQUEST_QUEUED;
	request->connection->listener->moved = true;
	request->connection->progress_at_ms = 0;
	request->connection->stream = request->stream;
	if (request->stream)
		stream_begin(request->stream);
	move_to(request, request->stream ? PHASE_STREAM : PHASE_REPLY);
	return result;
}

static enum MHD_Result add_field(void *context, enum MHD_ValueKind kind, const char *name,
	size_t name_n, const char *value, size_t value_n)
{
	struct head *head = context;

	(void)kind;
	head_add(head, slice_of(name, name_n), slice_of(value ? value : "", value_n));
	return MHD_YES;
}

/* Later versions refuse such heads by themselves, and store heads in another way. */
static bool is_torn(const struct request *request, const char *version)
{
#if MHD_VERSION < 0x00097701
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct head_bytes bytes = {
		.begin = request->head.method.p,
		.n = info ? info->header_size : 0,
		.target_n = request->target.n,
		.version = version,
	};

	return !head_is_whole(&request->head, &bytes);
#else
	(void)request, (void)version;
	return false;
#endif
}

/* The connection counts until the request's fiber has ended. */
static void keep_place(struct request *request)
{
	request->disowned = request->connection;
	request->disowned->holds++;
}

static void handle(struct request *request)
{
	request->match.route->handler(request, request->server->context);
	arena_release(&request->arena);
}

/* Whether the observer is told of it. */
static bool is_observed(const struct request *request)
{
	return request->server->observer.begins && !request_only_reads(request);
}

static void handle_observed(struct request *request)
{
	const struct http_observer *observer = &request->server->observer;
	struct fault fault;

	if (observer->begins(request->server->context, request, &fault))
		reply_fault(request, &fault);
	else
		request->match.route->handler(request, request->server->context);
	observer->ended(request->server->context, request);
	arena_release(&request->arena);
}

static void refused_fiber(void *argument)
{
	struct request *request = argument;

	handle(request);
	request_drop(request);
}

/* Whether the route's handler is to be called for the refusal (ROUTE_REFUSED). */
static bool concerns_route(struct request *request, enum error error)
{
	const struct route *route = request->match.route;

	return route && (route->flags & ROUTE_REFUSED) && error != ERR_UNAUTHORIZED &&
	       error != ERR_FORBIDDEN && error != ERR_TOO_MANY_REQUESTS && admit_may_use(request);
}

/* Answers at once with the fault, before the handler. */
static enum MHD_Result refuse(struct request *request, const struct fault *fault)
{
	const struct http_observer *observer = &request->server->observer;
	const struct route *route = request->match.route;

	if (observer->refused &&
		(fault->error == ERR_UNAUTHORIZED || fault->error == ERR_FORBIDDEN))
		observer->refused(request->server->context, request, fault);
	reply_fault(request, fault);
	if (concerns_route(request, fault->error)) {
		request->holds++;
		keep_place(request);
		fiber_spawn(&request->server->requests, route->path, refused_fiber, request);
	}
	return queue(request);
}

static enum MHD_Result admit(struct request *request, const char *method, const char *version)
{
	struct fault fault;

	request->began_ns = clock_mono_ns();
	head_begin(&request->head, slice_str(method));
	MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, add_field, &request->head);
	request->head.torn = is_torn(request, version);
	request->head.is_http_1_0 = strcmp(version, "HTTP/1.0") == 0;
	head_keep(&request->head, &request->head_text);
	if (admit_request(request, &fault)) {
		request->refused = true;
		return refuse(request, &fault);
	}
	request->state = REQUEST_BODY;
	if (request->head.length > 0)
		move_to(request, PHASE_BODY);
	return MHD_YES;
}

static enum MHD_Result collect(struct request *request, const char *data, size_t n)
{
	struct http_server *server = request->server;

	request->connection->listener->moved = true;
	if (n > (size_t)request->head.length - request->body.n)
		return MHD_NO;
	if (server->body_bytes + n > BODY_BUDGET) {
		server->body_bytes -= request->body_charged;
		request->body_charged = 0;
		buf_release(&request->body);
		request->overloaded = true;
	}
	if (request->overloaded)
		return MHD_YES;
	server->body_bytes += n;
	request->body_charged += n;
	buf_append(&request->body, data, n);
	return MHD_YES;
}

static void await(struct request *request, bool on)
{
	if (request->awaited == on)
		return;
	request->awaited = on;
	request->connection->listener->awaited += on ? 1 : (size_t)-1;
}

static void suspend(struct request *request)
{
	request->suspended = true;
	MHD_suspend_connection(request->mhd);
}

static void run_in_fiber(void *argument)
{
	struct request *request = argument;

	if (is_observed(request))
		handle_observed(request);
	else
		handle(request);
	assert(request->status && !request->suspended); /* it has replied */
	request->fiber = NULL;
	request_drop(request);
}

static enum MHD_Result run(struct request *request)
{
	const struct route *route = request->match.route;
	struct fault fault;

	request->state = REQUEST_RUNNING;
	log_debug_as(request->server->log, request->id, "http: %s %s begins, %zu bytes of body",
		route->method, route->path, request->body.n);
	fault.error = OK;
	if (request->overloaded)
		fault_set(&fault, ERR_OVERLOADED, "too many bodies are being read: try again");
	else
		reply_room_admit(request, &fault);
	if (fault.error)
		return refuse(request, &fault);
	/* To record what it changes may take a while. */
	if ((route->flags & ROUTE_INLINE) && !is_observed(request)) {
		handle(request);
		assert(request->response);
		return queue(request);
	}
	request->holds++;
	move_to(request, PHASE_HANDLER);
	await(request, true);
	request->connection->request = request;
	request->fiber =
		fiber_spawn(&request->server->requests, route->path, run_in_fiber, request);
	fiber_set_id(request->fiber, request->id);
	fiber_set_trace(request->fiber, request->trace);
	return MHD_YES;
}

/* MHD asks for the reply. */
static enum MHD_Result look(struct request *request)
{
	int64_t waited_ns = request->connection->listener->run_ns - request->began_ns;

	if (request->response) {
		await(request, false);
		return queue(request);
	}
	if (request->awaited && waited_ns > AWAIT_MS * 1000000) {
		await(request, false);
		suspend(request);
	}
	return MHD_YES;
}

enum MHD_Result exchange_handle(void *context, struct MHD_Connection *mhd, const char *url,
	const char *method, const char *version, const char *data, size_t *data_n,
	void **request_context)
{
	struct request *request = *request_context;
	size_t n = *data_n;

	(void)context, (void)url;
	if (!request)
		return MHD_NO;
	request->mhd = mhd;
	switch (request->state) {
	case REQUEST_NEW:
		return admit(request, method, version);
	case REQUEST_BODY:
		*data_n = 0;
		return n > 0 ? collect(request, data, n) : run(request);
	case REQUEST_RUNNING:
		return look(request);
	default:
		return MHD_NO;
	}
}

/* The handler continues without its client; its connection still counts. */
static void hung_up(struct request *request)
{
	await(request, false);
	keep_place(request);
	if (request->fiber)
		connection_disown(request->disowned, request);
	if (!request->response)
		request->status = CLIENT_HUNG_UP;
	access_log_request(request->server->access, request);
}

void exchange_completed(void *context, struct MHD_Connection *mhd, void **request_context,
	enum MHD_RequestTerminationCode code)
{
	struct request *request = *request_context;
	struct connection *connection;

	(void)context, (void)mhd;
	*request_context = NULL;
	if (!request)
		return;
	connection = request->connection;
	connection->listener->moved = true;
	connection->stream = NULL;
	if (request->stream)
		stream_detach(request->stream);
	request->stream = NULL;
	if (request->state == REQUEST_RUNNING)
		hung_up(request);
	if (request->state == REQUEST_QUEUED)
		access_log_request(request->server->access, request);
	if (!request->disowned)
		reply_room_release(request);
	if (request->refused && code == MHD_REQUEST_TERMINATED_COMPLETED_OK &&
		(request->head.content_length.p || request->head.transfer_encoding.p))
		linger_begin(request->server, connection->fd);
	move_to(request, PHASE_SETTLE);
	if (request->server->draining || connection->listener->draining)
		connection_finish(connection);
	/* A client that waits to be accepted may take the place of this one. */
	else if (request->server->accept_paused && !server_accept_waits(request->server))
		server_resume_accept(request->server);
	connection->request = NULL;
	request->connection = NULL;
	request_drop(request);
}
