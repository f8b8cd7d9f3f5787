/* SPDX-License-Identifier: MIT */
/*
 * Reads and discards the rest of a body after a refusal.
 *
 *	refused -> MHD sends the answer, shuts down, closes its descriptor -> ours reads on a while
 *
 * Special: closing a socket with unread bytes resets the connection, and many clients then lose the
 * reply that says why they were refused. A second descriptor of the socket keeps it open until the
 * client has closed it, or has sent too much or for too long.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/server_internal.h"

enum {
	max_lingering = 64,
	linger_ms = 2000,
	linger_bytes = 32 * 1024 * 1024,
	chunk_bytes = 64 * 1024,
	chunks_per_turn = 8,
};

struct lingerer {
	struct http_server *server;
	struct lingerer *next, **at;
	int fd;
	size_t bytes;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles;
};

static void handle_closed(uv_handle_t *handle)
{
	struct lingerer *linger = handle->data;

	if (--linger->handles == 0)
		mem_free(linger);
}

static void linger_end(struct lingerer *linger)
{
	*linger->at = linger->next;
	if (linger->next)
		linger->next->at = linger->at;
	linger->server->lingering_count--;
	uv_close((uv_handle_t *)&linger->poll, handle_closed);
	uv_close((uv_handle_t *)&linger->timer, handle_closed);
	close(linger->fd);
}

static void time_is_up(uv_timer_t *timer)
{
	linger_end(timer->data);
}

/* MHD has sent its last by now. After a goodbye of TLS it leaves the socket's end to close(2). */
static void end_sending(uv_timer_t *timer)
{
	struct lingerer *linger = timer->data;

	shutdown(linger->fd, SHUT_WR);
	uv_timer_start(timer, time_is_up, linger_ms, 0);
}

/* False at the end, or when the limit is reached. */
static bool read_some(struct lingerer *linger)
{
	char chunk[chunk_bytes];

	for (int i = 0; i < chunks_per_turn; i++) {
		ssize_t got = recv(linger->fd, chunk, sizeof chunk, MSG_DONTWAIT);

		if (got < 0)
			return errno == EAGAIN || errno == EINTR;
		linger->bytes += (size_t)got;
		if (got == 0 || linger->bytes > linger_bytes)
			return false;
	}
	return true;
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct lingerer *linger = poll->data;

	(void)events;
	if (status < 0 || !read_some(linger))
		linger_end(linger);
}

void linger_begin(struct http_server *server, int fd)
{
	struct lingerer *linger;
	int own = -1;

	if (server->lingering_count < max_lingering)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return;
	linger = mem_new(struct lingerer);
	linger->server = server;
	linger->fd = own;
	linger->handles = 2;
	linger->at = &server->lingering;
	linger->next = server->lingering;
	if (linger->next)
		linger->next->at = &linger->next;
	server->lingering = linger;
	server->lingering_count++;
	if (uv_poll_init(loop_uv(server->loop), &linger->poll, own) != 0)
		mem_exhausted();
	uv_timer_init(loop_uv(server->loop), &linger->timer);
	linger->poll.data = linger->timer.data = linger;
	uv_poll_start(&linger->poll, UV_READABLE, readable);
	uv_timer_start(&linger->timer, end_sending, 0, 0);
}

void linger_end_all(struct http_server *server)
{
	while (server->lingering)
		linger_end(server->lingering);
}
