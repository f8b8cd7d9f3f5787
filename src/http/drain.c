/* SPDX-License-Identifier: MIT */
/*
 * The end of serving: no new connections, an answer to every accepted request, then silence.
 *
 * Special: what a deadline cuts is cut in the order that MHD needs: first the handlers end and
 * their connections are resumed, then the sockets are shut down, then MHD closes them.
 */
#include "base/clock.h"
#include "http/private.h"

enum { last_answers_ms = 500, last_closes_ms = 2000 };

static enum error wait_closed(struct http_server *server, int64_t deadline)
{
	enum error error = OK;

	while (server->connections > 0 && !error)
		error = fiber_cond_wait(&server->drained, "the last connection", deadline);
	return error;
}

/* Whoever calls may have been cancelled himself; this has its own bounds. */
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
	deadlines_shorten(&server->deadlines, PHASE_HEAD, DRAIN_GRACE_MS);
	error = wait_closed(server, deadline);
	/* What they do after their answers. */
	if (!error)
		error = fiber_group_join(&server->requests, deadline);
	if (error)
		cut(server);
	return error ? ERR_TIMEOUT : OK;
}
