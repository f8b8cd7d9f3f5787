/* SPDX-License-Identifier: MIT */
/* Connections: their number, their peers and their deadlines. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/server_internal.h"

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
	if (connection->leaving)
		peer_leaving(connection->peer, -1);
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

static void moved(void *context)
{
	struct connection *connection = context;

	connection->listener->moved = true;
}

static void handshake_ended(void *context)
{
	struct connection *connection = context;
	const int on = 1;

	/*
	 * A client that has not set TCP_NODELAY sends no request before the end of its handshake is
	 * acknowledged, which Linux does after 40 ms, because we have nothing to say now.
	 */
	setsockopt(connection->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
	deadline_move(&connection->listener->server->deadlines, &connection->deadline, PHASE_HEAD);
}

static void begin_tls(struct connection *connection, struct MHD_Connection *mhd)
{
	struct listener *listener = connection->listener;
	struct tls_link_owner owner = {connection, moved, handshake_ended, &listener->run_ns};

	connection->tls = tls_link_new(
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session,
		connection->fd, listener->tls, &owner);
}

static void end_tls(struct connection *connection)
{
	const char *refused = tls_link_refused(connection->tls);
	char peer[PEER_MAX_TEXT];

	if (refused) {
		peer_text(connection->peer, peer);
		log_info(connection->listener->server->log, "http: TLS with %s refused: %s", peer,
			refused);
	}
	tls_link_free(connection->tls);
	connection->tls = NULL;
}

void connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct listener *listener = context;
	struct connection *connection;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection = listener->entering;
		listener->entering = NULL;
		*socket_context = connection;
		if (listener->tls)
			begin_tls(connection, mhd);
		deadline_begin(&listener->server->deadlines, &connection->deadline,
			listener->tls ? PHASE_HANDSHAKE : PHASE_HEAD);
	} else {
		connection = *socket_context;
		deadline_end(&connection->deadline);
		if (connection->tls)
			end_tls(connection);
		connection_drop(connection);
		*socket_context = NULL;
	}
}

static bool is_over(const struct http_server *server, const struct peer *peer)
{
	return !peer_is_local(peer) && peer_connections(peer) > (size_t)server->conf->limits.per_ip;
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
	if (is_over(server, connection->peer)) {
		connections_disown_for_room(server);
		if (is_over(server, connection->peer)) {
			close(fd);
			connection_drop(connection);
			return;
		}
	}
	listener->entering = connection;
	MHD_add_connection(listener->mhd, fd, address, n);
	/* MHD did not announce it: it has refused it and closed the socket. */
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
	/* Requests that have arrived are still answered; MHD closes the connection after them. */
	shutdown(connection->fd, SHUT_RD);
	loop_pump_wake(&connection->listener->pump);
}

bool connection_idle(const struct connection *connection)
{
	return connection->deadline.phase == PHASE_SETTLE ||
	       connection->deadline.phase == PHASE_IDLE;
}

void connection_expired(struct deadlines *deadlines, struct deadline *deadline, enum phase phase)
{
	const struct linger at_once = {.l_onoff = 1};
	struct connection *connection = connection_of(deadline);

	if (phase == PHASE_SETTLE && !connection_at_eof(connection)) {
		deadline_move(deadlines, deadline, PHASE_IDLE);
		return;
	}
	/* Drops what the kernel still holds for the client. */
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
	connections_disown_for_room(server);
	/* A new client is preferred to the one that has been idle longest. */
	oldest = deadlines_first(&server->deadlines, PHASE_IDLE);
	if (!oldest)
		oldest = deadlines_first(&server->deadlines, PHASE_SETTLE);
	if (oldest) {
		deadline_move(&server->deadlines, oldest, PHASE_HANDLER);
		connection_cut(connection_of(oldest));
	}
	return true;
}
