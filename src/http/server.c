/* SPDX-License-Identifier: MIT */
/* The server as a whole: its listeners, also over reloads, and its end. */
#include "http/server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/systemd.h"
#include "http/server_internal.h"

enum { last_answers_ms = 500, last_closes_ms = 2000 };

static void sweep(struct loop_flush *flush);

/* MHD calls this when it cannot continue; the service manager restarts the daemon. */
_Noreturn static void mhd_panicked(
	void *context, const char *file, unsigned line, const char *reason)
{
	struct http_server *server = context;

	log_error(server->log, "libmicrohttpd failed: %s:%u: %s", file, line,
		reason ? reason : "no reason given");
	log_flush(server->log);
	abort();
}

static void retry_accept(uv_timer_t *timer)
{
	server_resume_accept(timer->data);
}

struct http_server *http_server_new(const struct http_options *options)
{
	struct http_server *server = mem_new(struct http_server);
	uv_loop_t *uv = loop_uv(options->loop);

	server->loop = options->loop;
	server->log = options->log;
	server->context = options->context;
	server->observer = options->observer;
	server->router = router_new(options->routes);
	server->peers = peers_new();
	server->token_limits = limits_new();
	server->logins = logins_new();
	server->access = access_log_new(
		options->routes, router_count(server->router), options->metrics, options->log);
	deadlines_init(&server->deadlines, uv, connection_expired);
	server->deadlines.timer.data = server;
	uv_timer_init(uv, &server->accept_retry);
	server->accept_retry.data = server;
	uv_timer_init(uv, &server->ended_look);
	server->ended_look.data = server;
	server->handles = 3;
	fiber_group_init(&server->requests, "requests", options->loop);
	server->sweep.flush = sweep;
	streams_begin(server);
	crypto_random(&server->next_id, sizeof server->next_id);
	MHD_set_panic_func(mhd_panicked, server);
	return server;
}

static bool is_same(const struct conf_listen *a, const struct conf_listen *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case LISTEN_TCP:
		return a->port == b->port && strcmp(a->host, b->host) == 0;
	case LISTEN_UNIX:
		return strcmp(a->path, b->path) == 0;
	default:
		return true;
	}
}

/* The listener on this address; TLS or not. */
static struct listener *find_listener(
	struct http_server *server, const struct conf_listen *wanted, int passed_index)
{
	for (struct listener *at = server->listeners; at; at = at->next)
		if (!at->draining && !at->keep && !at->replaced &&
			at->passed_index == passed_index && is_same(&at->wanted, wanted))
			return at;
	return NULL;
}

/*
 * Plain HTTP, and anonymous access to more than metrics, on addresses that other machines can reach
 * must be configured explicitly.
 */
static enum error check_exposure(
	const struct listener *listener, const struct conf *next, struct fault *fault)
{
	const char *address = listener->endpoint.address;

	if (listener->endpoint.loopback)
		return OK;
	if (!next->insecure_http && !next->tls.server)
		return fault_set(fault, ERR_BAD_CONFIG,
			"listen: %s can be reached from other machines, and tokens would be sent "
			"without encryption: use a loopback address, or set tls, or "
			"insecure_http: true",
			address);
	if (next->anonymous.scopes & ~(unsigned)SCOPE_METRICS)
		return fault_set(fault, ERR_BAD_CONFIG,
			"auth.anonymous: must not contain more than metrics, because %s can be "
			"reached from other machines",
			address);
	return OK;
}

static void append(struct listener **list, struct listener *listener)
{
	while (*list)
		list = &(*list)->next;
	*list = listener;
	listener->next = NULL;
}

static enum error prepare_listener(struct http_server *server, const struct conf_listen *wanted,
	int passed_index, const struct conf *next, struct fault *fault)
{
	struct listener *found = find_listener(server, wanted, passed_index), *listener = found;
	bool fits = found && (found->endpoint.local || !found->tls == !next->tls.server);

	if (!fits) {
		struct listener_plan plan = {wanted, passed_index, next->tls.server, found};
		enum error error = listener_new(server, &plan, &listener, fault);

		if (error)
			return error;
		append(&server->pending, listener);
		if (found)
			found->replaced = true;
	}
	listener->keep = true;
	listener->next_mode = wanted->mode;
	return check_exposure(listener, next, fault);
}

static enum error prepare_listen(struct http_server *server, const struct conf_listen *wanted,
	const struct conf *next, struct fault *fault)
{
	enum error error = OK;
	int count;

	if (wanted->kind != LISTEN_SYSTEMD)
		return prepare_listener(server, wanted, 0, next, fault);
	count = systemd_sockets();
	if (count == 0)
		return fault_set(fault, ERR_BAD_CONFIG,
			"listen: systemd passed no socket: start cachewardend.socket, or listen on "
			"an address");
	for (int i = 0; i < count && !error; i++)
		error = prepare_listener(server, wanted, i, next, fault);
	return error;
}

enum error http_server_prepare(struct http_server *server, struct conf *next, struct fault *fault)
{
	enum error error = OK;

	for (struct listener *at = server->listeners; at; at = at->next)
		at->keep = at->replaced = false;
	for (size_t i = 0; i < next->listen_count && !error; i++) {
		error = prepare_listen(server, &next->listens[i], next, fault);
		if (error && next->listens[i].place)
			fault_prefix(fault, next->listens[i].place);
	}
	if (error)
		http_server_abandon(server);
	return error;
}

void http_server_abandon(struct http_server *server)
{
	while (server->pending) {
		struct listener *listener = server->pending;

		server->pending = listener->next;
		listener_close(listener);
	}
	for (struct listener *at = server->listeners; at; at = at->next)
		at->replaced = false;
}

/* The number of connections that the limit of file descriptors allows. */
static size_t connection_limit(struct http_server *server)
{
	size_t wanted = (size_t)server->conf->limits.connections, fit;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
		return wanted;
	if (files.rlim_cur < wanted + RESERVED_FDS && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) != 0)
			getrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur >= wanted + RESERVED_FDS)
		return wanted;
	fit = files.rlim_cur > 2 * RESERVED_FDS ? files.rlim_cur - RESERVED_FDS : RESERVED_FDS;
	log_warning(server->log, "limits.connections: only %zu of %zu fit into LimitNOFILE", fit,
		wanted);
	return fit;
}

static void take_limits(struct http_server *server)
{
	const struct conf *conf = server->conf;
	int64_t *durations = server->deadlines.durations_ms;

	durations[PHASE_HEAD] = conf->limits.header_deadline_ms;
	durations[PHASE_HANDSHAKE] = conf->limits.header_deadline_ms < HANDSHAKE_MS
					     ? conf->limits.header_deadline_ms
					     : HANDSHAKE_MS;
	durations[PHASE_BODY] = conf->limits.body_deadline_ms;
	durations[PHASE_REPLY] = conf->limits.reply_deadline_ms;
	durations[PHASE_SETTLE] = SETTLE_MS;
	durations[PHASE_IDLE] = IDLE_MS;
	limits_prune(server->token_limits, conf);
	if (server->max_connections == 0)
		server->max_connections = connection_limit(server);
}

void http_server_commit(struct http_server *server, struct conf *next)
{
	conf_ref(next);
	conf_unref(server->conf);
	server->conf = next;
	take_limits(server);
	streams_configure(server, next);
	for (struct listener *at = server->listeners; at; at = at->next) {
		if (at->draining)
			continue;
		if (at->keep) {
			listener_set_mode(at, at->next_mode);
			listener_set_tls(at, next->tls.server);
			continue;
		}
		listener_quiesce(at);
		connections_close_idle(server, at);
		streams_end(server, at);
	}
	while (server->pending) {
		struct listener *listener = server->pending;

		server->pending = listener->next;
		append(&server->listeners, listener);
		listener_start(listener);
	}
}

void server_pause_accept(struct http_server *server, bool retry)
{
	server->accept_paused = true;
	for (struct listener *at = server->listeners; at; at = at->next)
		listener_accept(at, false);
	if (retry)
		uv_timer_start(&server->accept_retry, retry_accept, ACCEPT_RETRY_MS, 0);
}

bool server_accept_waits(const struct http_server *server)
{
	return uv_is_active((const uv_handle_t *)&server->accept_retry);
}

void server_resume_accept(struct http_server *server)
{
	server->accept_paused = false;
	uv_timer_stop(&server->accept_retry);
	for (struct listener *at = server->listeners; at; at = at->next)
		listener_accept(at, true);
}

static void sweep(struct loop_flush *flush)
{
	struct http_server *server =
		(struct http_server *)((char *)flush - offsetof(struct http_server, sweep));
	struct listener **at = &server->listeners;

	while (*at) {
		struct listener *listener = *at;

		if (!listener->draining || listener->connections > 0) {
			at = &listener->next;
			continue;
		}
		*at = listener->next;
		listener_close(listener);
	}
}

void http_server_addresses(const struct http_server *server, struct buf *out)
{
	for (const struct listener *at = server->listeners; at; at = at->next)
		if (!at->draining)
			buf_printf(out, "%s\n", at->endpoint.address);
}

void http_server_publish_metrics(struct http_server *server)
{
	access_log_publish(server->access, server->connections);
}

static size_t count(struct http_server *server, enum phase phase)
{
	size_t n = 0;

	for (struct deadline *at = deadlines_first(&server->deadlines, phase); at;
		at = deadlines_next(&server->deadlines, at))
		n++;
	return n;
}

void http_server_count(struct http_server *server, struct http_counts *ret)
{
	*ret = (struct http_counts){.connections = server->connections,
		.max_connections = server->max_connections,
		.reading = count(server, PHASE_HANDSHAKE) + count(server, PHASE_HEAD) +
			   count(server, PHASE_BODY),
		.handling = count(server, PHASE_HANDLER),
		.replying = count(server, PHASE_REPLY),
		.streaming = count(server, PHASE_STREAM),
		.idle = count(server, PHASE_SETTLE) + count(server, PHASE_IDLE),
		.body_bytes = server->body_bytes,
		.draining = server->draining,
		.accept_paused = server->accept_paused};
}

static enum error wait_closed(struct http_server *server, int64_t deadline)
{
	enum error error = OK;

	while (server->connections > 0 && !error)
		error = fiber_cond_wait(&server->drained, "the last connection", deadline);
	return error;
}

/* The calling fiber may be cancelled already; this has its own time limits. */
static void cut(struct http_server *server)
{
	fiber_cleanup_begin(HANDLER_CLEANUP_MS + last_answers_ms + last_closes_ms);
	fiber_group_cancel(&server->requests);
	fiber_group_join(&server->requests, clock_deadline(HANDLER_CLEANUP_MS));
	wait_closed(server, clock_deadline(last_answers_ms));
	connections_cut_all(server);
	wait_closed(server, clock_deadline(last_closes_ms));
	fiber_cleanup_end();
}

enum error http_server_drain(struct http_server *server, int64_t deadline)
{
	enum error error;

	server->draining = true;
	uv_timer_stop(&server->accept_retry);
	for (struct listener *at = server->listeners; at; at = at->next)
		listener_quiesce(at);
	connections_close_idle(server, NULL);
	connections_cut_ended(server);
	streams_end(server, NULL);
	deadlines_shorten(&server->deadlines, PHASE_HANDSHAKE, DRAIN_GRACE_MS);
	deadlines_shorten(&server->deadlines, PHASE_HEAD, DRAIN_GRACE_MS);
	error = wait_closed(server, deadline);
	/* Handlers may still work after their reply. */
	if (!error)
		error = fiber_group_join(&server->requests, deadline);
	if (error)
		cut(server);
	return error ? ERR_TIMEOUT : OK;
}

static void handle_closed(uv_handle_t *handle)
{
	struct http_server *server = handle->data;

	if (--server->handles == 0)
		mem_free(server);
}

void http_server_free(struct http_server *server)
{
	if (!server)
		return;
	assert(server->requests.count == 0);
	http_server_abandon(server);
	while (server->listeners) {
		struct listener *listener = server->listeners;

		server->listeners = listener->next;
		listener_close(listener);
	}
	assert(server->connections == 0);
	loop_flush_cancel(server->loop, &server->sweep);
	linger_end_all(server);
	streams_free(server);
	requests_free_spare(server);
	conf_unref(server->conf);
	router_free(server->router);
	peers_free(server->peers);
	limits_free(server->token_limits);
	logins_free(server->logins);
	access_log_free(server->access);
	uv_close((uv_handle_t *)&server->deadlines.timer, handle_closed);
	uv_close((uv_handle_t *)&server->accept_retry, handle_closed);
	uv_close((uv_handle_t *)&server->ended_look, handle_closed);
}
