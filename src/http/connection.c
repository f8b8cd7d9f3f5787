/* SPDX-License-Identifier: MIT */
/* Connections: how many, from whom, and until when. */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/private.h"

/* In one look, a system call each. */
enum { max_looks = 2048 };

struct connection *connection_of(struct deadline *deadline)
{
	return (struct connection *)((char *)deadline - offsetof(struct connection, deadline));
}

void connection_drop(struct connection *connection)
{
	struct listener *listener = connection->listener;
	struct http_server *server = listener->server;

	if (--connection->holds > 0)
		return;
	peers_leave(server->peers, connection->peer, clock_mono_ns());
	mem_free(connection);
	listener->connections--;
	server->connections--;
	if (listener->draining && listener->connections == 0)
		loop_flush_later(server->loop, &server->sweep);
	if (server->connections == 0)
		fiber_cond_broadcast(&server->drained);
	if (server->accept_paused)
		server_resume_accept(server);
}

void connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct listener *listener = context;
	struct connection *connection;

	(void)mhd;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection = listener->entering;
		listener->entering = NULL;
		*socket_context = connection;
		deadline_begin(&listener->server->deadlines, &connection->deadline, PHASE_HEAD);
	} else {
		connection = *socket_context;
		deadline_end(&connection->deadline);
		connection_drop(connection);
		*socket_context = NULL;
	}
}

void connection_enter(
	struct listener *listener, int fd, const struct sockaddr *address, socklen_t n)
{
	struct http_server *server = listener->server;
	struct connection *connection = mem_new(struct connection);

	connection->listener = listener;
	connection->fd = fd;
	connection->holds = 1;
	connection->peer = peers_enter(server->peers, address, clock_mono_ns());
	listener->connections++;
	server->connections++;
	if (!peer_is_local(connection->peer) &&
		peer_connections(connection->peer) > (size_t)server->conf->limits.per_ip) {
		close(fd);
		connection_drop(connection);
		return;
	}
	listener->entering = connection;
	MHD_add_connection(listener->mhd, fd, address, n);
	/* Not announced: MHD has refused it, and closed the socket. */
	if (listener->entering) {
		listener->entering = NULL;
		connection_drop(connection);
	}
}

void connection_cut(struct connection *connection)
{
	shutdown(connection->fd, SHUT_RDWR);
	loop_pump_wake(&connection->listener->pump);
}

void connection_finish(struct connection *connection)
{
	/* What has arrived is still read and answered; MHD closes at the end of it. */
	shutdown(connection->fd, SHUT_RD);
	loop_pump_wake(&connection->listener->pump);
}

bool connection_idle(const struct connection *connection)
{
	return connection->deadline.phase == PHASE_SETTLE ||
	       connection->deadline.phase == PHASE_IDLE;
}

/*
 * Whether the client has said that it will ask no more. Where that came with its last request, MHD
 * has missed it: it stops reading at the first short read, and is not told again.
 */
static bool has_ended(const struct connection *connection)
{
	char byte;

	return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void connection_expired(struct deadlines *deadlines, struct deadline *deadline, enum phase phase)
{
	const struct linger at_once = {.l_onoff = 1};
	struct connection *connection = connection_of(deadline);

	if (phase == PHASE_SETTLE && !has_ended(connection)) {
		deadline_move(deadlines, deadline, PHASE_IDLE);
		return;
	}
	/* What a client did not take in time is not kept for it in the kernel either. */
	if (phase == PHASE_REPLY)
		setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	connection_cut(connection);
}

static void close_idle(struct http_server *server, enum phase phase, const struct listener *only)
{
	struct deadline *at = deadlines_first(&server->deadlines, phase);

	for (; at; at = deadlines_next(&server->deadlines, at))
		if (!only || connection_of(at)->listener == only)
			connection_finish(connection_of(at));
}

void connections_close_idle(struct http_server *server, const struct listener *only)
{
	close_idle(server, PHASE_SETTLE, only);
	close_idle(server, PHASE_IDLE, only);
}

static void cut_ended(struct http_server *server, enum phase phase)
{
	struct deadline *at = deadlines_first(&server->deadlines, phase);

	/* Who is further behind is looked at when these are gone: their deadlines come first. */
	for (int i = 0; at && i < max_looks; i++) {
		if (has_ended(connection_of(at)))
			connection_cut(connection_of(at));
		at = deadlines_next(&server->deadlines, at);
	}
}

void connections_cut_ended(struct http_server *server)
{
	cut_ended(server, PHASE_HEAD);
	cut_ended(server, PHASE_BODY);
}

static bool anybody_sends(struct http_server *server)
{
	return deadlines_first(&server->deadlines, PHASE_HEAD) ||
	       deadlines_first(&server->deadlines, PHASE_BODY);
}

static void look_for_ended(uv_timer_t *timer)
{
	struct http_server *server = timer->data;

	connections_cut_ended(server);
	if (!anybody_sends(server))
		uv_timer_stop(timer);
}

void connections_watch(struct http_server *server)
{
	if (anybody_sends(server) && !uv_is_active((uv_handle_t *)&server->ended_look))
		uv_timer_start(&server->ended_look, look_for_ended, ENDED_LOOK_MS, ENDED_LOOK_MS);
}

void connections_cut_all(struct http_server *server)
{
	for (int phase = 0; phase < PHASES; phase++) {
		struct deadline *at = deadlines_first(&server->deadlines, (enum phase)phase);

		for (; at; at = deadlines_next(&server->deadlines, at))
			connection_cut(connection_of(at));
	}
}

bool connections_full(struct http_server *server)
{
	struct deadline *oldest;

	if (server->connections < server->max_connections)
		return false;
	/* Somebody who waits goes before somebody who has been silent longest. */
	oldest = deadlines_first(&server->deadlines, PHASE_IDLE);
	if (!oldest)
		oldest = deadlines_first(&server->deadlines, PHASE_SETTLE);
	if (oldest) {
		deadline_move(&server->deadlines, oldest, PHASE_HANDLER);
		connection_cut(connection_of(oldest));
	}
	return true;
}
