/* SPDX-License-Identifier: MIT */
/*
 * Clients that have disconnected during a request, and those that do not read their reply.
 *
 * Special: MHD notices neither: it stops reading at the first short read and ignores suspended
 * connections. So connections that may have ended are checked once a second, and more often when no
 * connection is free.
 */
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/progress.h"
#include "http/server_internal.h"

/* Connections that are checked at once, with a system call each. */
enum { max_looks = 2048 };

bool connection_at_eof(const struct connection *connection)
{
	char byte;

	return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void cut_ended(struct http_server *server, enum phase phase)
{
	struct deadline *at = deadlines_first(&server->deadlines, phase);

	/* Those further behind are checked when these are gone: their deadlines come first. */
	for (int i = 0; at && i < max_looks; i++) {
		if (connection_at_eof(connection_of(at)))
			connection_cut(connection_of(at));
		at = deadlines_next(&server->deadlines, at);
	}
}

void connections_cut_ended(struct http_server *server)
{
	cut_ended(server, PHASE_HANDSHAKE);
	cut_ended(server, PHASE_HEAD);
	cut_ended(server, PHASE_BODY);
}

bool connection_peer_closed(const struct connection *connection)
{
	struct pollfd look = {.fd = connection->fd, .events = POLLRDHUP};

	return poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

void connection_disown(struct connection *connection, struct request *request)
{
	/* A handler that only waited ends soon, so it no longer counts for its address. */
	if (fiber_disown(request->fiber) && !connection->leaving) {
		connection->leaving = true;
		peer_leaving(connection->peer, 1);
	}
}

void connections_disown_ended(struct http_server *server)
{
	struct deadlines *deadlines = &server->deadlines;
	struct deadline *at = deadlines_first(deadlines, PHASE_HANDLER);
	struct deadline *last = deadlines->queues[PHASE_HANDLER].prev;

	server->checked_at_ms = (int64_t)uv_now(loop_uv(server->loop));
	/* Those that were checked move to the end: handlers have no deadlines here. */
	for (int i = 0; at && i < max_looks; i++) {
		struct connection *connection = connection_of(at);
		struct deadline *next = at == last ? NULL : deadlines_next(deadlines, at);

		if (connection->request && connection->request->fiber &&
			connection_peer_closed(connection))
			connection_disown(connection, connection->request);
		deadline_move(deadlines, at, PHASE_HANDLER);
		at = next;
	}
}

void connections_disown_for_room(struct http_server *server)
{
	if ((int64_t)uv_now(loop_uv(server->loop)) - server->checked_at_ms >= ENDED_LOOK_FULL_MS)
		connections_disown_ended(server);
}

bool connection_check_progress(struct connection *connection, int64_t ms)
{
	int64_t now = (int64_t)uv_now(loop_uv(connection->listener->server->loop));
	uint64_t mark = progress_mark(connection->fd);

	if (connection->progress_at_ms && connection->progress_mark == mark)
		return now - connection->progress_at_ms < ms;
	connection->progress_at_ms = now;
	connection->progress_mark = mark;
	return true;
}

static void connections_cut_stalled(struct http_server *server)
{
	struct deadline *at = deadlines_first(&server->deadlines, PHASE_REPLY), *next;

	/* The oldest come first; their deadline makes room for those behind them. */
	for (int i = 0; at && i < max_looks; i++, at = next) {
		next = deadlines_next(&server->deadlines, at);
		if (connection_check_progress(connection_of(at), STALLED_MS))
			continue;
		deadline_move(&server->deadlines, at, PHASE_HANDLER);
		connection_expired(&server->deadlines, at, PHASE_REPLY);
	}
}

static bool is_needed(struct http_server *server)
{
	return deadlines_first(&server->deadlines, PHASE_HANDSHAKE) ||
	       deadlines_first(&server->deadlines, PHASE_HEAD) ||
	       deadlines_first(&server->deadlines, PHASE_BODY) ||
	       deadlines_first(&server->deadlines, PHASE_HANDLER) ||
	       deadlines_first(&server->deadlines, PHASE_REPLY) ||
	       deadlines_first(&server->deadlines, PHASE_STREAM);
}

static void timer_fired(uv_timer_t *timer)
{
	struct http_server *server = timer->data;

	connections_cut_ended(server);
	connections_disown_ended(server);
	connections_cut_stalled(server);
	streams_look_after(server);
	if (!is_needed(server))
		uv_timer_stop(timer);
}

void connections_watch(struct http_server *server)
{
	if (is_needed(server) && !uv_is_active((uv_handle_t *)&server->ended_look))
		uv_timer_start(&server->ended_look, timer_fired, ENDED_LOOK_MS, ENDED_LOOK_MS);
}
