/* SPDX-License-Identifier: MIT */
/*
 * Listeners: one socket, and one MHD daemon that is a pump of the loop.
 *
 * Special: connections are accepted here and handed to MHD, because MHD by itself counts only its
 * own, and spins when it is out of descriptors before its first connection.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/systemd.h"
#include "http/server_internal.h"

/* At most so many in one callback, so that many new connections do not delay the others. */
enum { accepts_per_turn = 64, accepts_at_end = 1024 };

static struct listener *listener_of_pump(struct loop_pump *pump)
{
	return (struct listener *)((char *)pump - offsetof(struct listener, pump));
}

static void pump_run(struct loop_pump *pump)
{
	struct listener *listener = listener_of_pump(pump);

	listener->run_ns = clock_mono_ns();
	listener->moved = false;
	MHD_run(listener->mhd);
	listener->still = listener->moved ? 0 : listener->still + 1;
	connections_watch(listener->server);
}

static int64_t pump_timeout_ms(struct loop_pump *pump)
{
	struct listener *listener = listener_of_pump(pump);
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(listener->mhd, &ms) != MHD_YES)
		return -1;
	/* It would only ask again for a reply that wakes the pump when it is ready. */
	if (ms == 0 && listener->awaited > 0 && !listener->moved)
		return AWAIT_MS;
	/*
	 * It believes a socket to be readable from the first event until the end of the handshake.
	 * Where no byte moves, an event on its epoll descriptor will tell of the next.
	 */
	if (ms == 0 && listener->tls && !listener->moved)
		return listener->still < 7 ? 1 << (listener->still - 1) : STILL_MS;
	return ms < INT32_MAX ? (int64_t)ms : INT32_MAX;
}

static void mhd_ready(uv_poll_t *poll, int status, int events)
{
	struct listener *listener = poll->data;

	(void)events;
	/* libuv stops a handle after an error. */
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, mhd_ready);
	loop_pump_wake(&listener->pump);
}

/* False if there is nothing more to accept now. */
static bool accept_one(struct listener *listener)
{
	union {
		struct sockaddr any;
		struct sockaddr_in6 v6;
		struct sockaddr_un un;
	} address = {.any.sa_family = AF_UNIX};
	socklen_t n = sizeof address;
	int fd = accept4(listener->endpoint.fd, &address.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		connection_enter(listener, fd, &address.any, n);
		return true;
	}
	if (errno == EINTR || errno == ECONNABORTED)
		return true;
	if (errno == EAGAIN)
		return false;
	log_warning(listener->server->log, "accept on %s: %s; trying again in %d ms",
		listener->endpoint.address, strerror(errno), ACCEPT_RETRY_MS);
	server_pause_accept(listener->server, true);
	return false;
}

static void accept_ready(uv_poll_t *poll, int status, int events)
{
	struct listener *listener = poll->data;
	struct http_server *server = listener->server;

	(void)events;
	if (status < 0) {
		server_pause_accept(server, true);
		return;
	}
	/* A client waits; whether more do is seen when the last place is taken. */
	if (connections_full(server))
		server_pause_accept(server, false);
	for (int i = 0; i < accepts_per_turn; i++)
		if (server->connections >= server->max_connections || !accept_one(listener))
			break;
	loop_pump_wake(&listener->pump);
}

static void log_mhd(void *context, const char *format, va_list args)
{
	struct listener *listener = context;
	char text[256];
	size_t n;

	vsnprintf(text, sizeof text, format, args);
	n = strcspn(text, "\n");
	text[n] = '\0';
	/* Any client can cause them, so the limit of ten lines a second applies. */
	log_write(listener->server->log, LOG_LEVEL_DEBUG, "libmicrohttpd: %s", text);
}

/* The gate decodes the target. */
static size_t keep_escapes(void *context, struct MHD_Connection *mhd, char *text)
{
	(void)context, (void)mhd;
	return strlen(text);
}

static struct MHD_Daemon *daemon_start(struct listener *listener)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
			 MHD_USE_ERROR_LOG;

	/* From this version on, an added connection is announced later unless this is set. */
#if MHD_VERSION >= 0x00097707
	flags |= MHD_USE_NO_THREAD_SAFETY;
#endif
	if (listener->tls)
		flags |= MHD_USE_TLS;
	return MHD_start_daemon(flags, 0, NULL, NULL, exchange_handle, listener,
		MHD_OPTION_EXTERNAL_LOGGER, log_mhd, listener, MHD_OPTION_NOTIFY_CONNECTION,
		connection_notify, listener, MHD_OPTION_URI_LOG_CALLBACK, exchange_target, listener,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, listener, MHD_OPTION_NOTIFY_COMPLETED,
		exchange_completed, listener,
	/* The gate is strict; from 0.9.77.1 on MHD can be, too, without replying twice. */
#if MHD_VERSION >= 0x00097701
		MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
#else
		MHD_OPTION_STRICT_FOR_CLIENT, 0,
#endif
		/*
		 * Deadlines and limits are implemented here: MHD's are by inactivity and per
		 * daemon.
		 */
		MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT32_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		listener->tls ? MHD_OPTION_HTTPS_CERT_CALLBACK : MHD_OPTION_END,
		tls_link_no_certificate(), MHD_OPTION_END);
}

static void wanted_copy(struct conf_listen *to, const struct conf_listen *from)
{
	*to = *from;
	to->text = from->text ? mem_strdup(from->text) : NULL;
	to->host = from->host ? mem_strdup(from->host) : NULL;
	to->path = from->path ? mem_strdup(from->path) : NULL;
}

static void listener_free(struct listener *listener)
{
	endpoint_close(&listener->endpoint);
	tls_server_unref(listener->tls);
	mem_free(listener->wanted.text);
	mem_free(listener->wanted.host);
	mem_free(listener->wanted.path);
	mem_free(listener);
}

static void handle_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;

	if (--listener->handles == 0)
		listener_free(listener);
}

static void poll_begin(struct listener *listener, uv_poll_t *poll, int fd)
{
	if (uv_poll_init(loop_uv(listener->server->loop), poll, fd) != 0)
		mem_exhausted();
	poll->data = listener;
	listener->handles++;
}

static enum error find_endpoint(
	const struct listener_plan *plan, struct endpoint *ret, struct fault *fault)
{
	if (plan->in_use)
		return endpoint_share(&plan->in_use->endpoint, plan->tls, ret, fault);
	if (plan->wanted->kind == LISTEN_SYSTEMD)
		return endpoint_take(SYSTEMD_FIRST_FD + plan->passed_index, plan->tls, ret, fault);
	return endpoint_bind(plan->wanted, plan->tls, ret, fault);
}

enum error listener_new(struct http_server *server, const struct listener_plan *plan,
	struct listener **ret, struct fault *fault)
{
	struct listener *listener = mem_new(struct listener);
	enum error error;

	listener->server = server;
	listener->passed_index = plan->passed_index;
	wanted_copy(&listener->wanted, plan->wanted);
	error = find_endpoint(plan, &listener->endpoint, fault);
	if (!error) {
		if (plan->tls && !listener->endpoint.local)
			listener->tls = tls_server_ref(plan->tls);
		listener->mhd = daemon_start(listener);
		if (!listener->mhd)
			error = fault_set(fault, ERR_BAD_CONFIG, "listen: %s: %s",
				plan->wanted->text, strerror(errno));
	}
	if (error) {
		listener_free(listener);
		return error;
	}
	poll_begin(listener, &listener->accept_poll, listener->endpoint.fd);
	poll_begin(listener, &listener->mhd_poll,
		MHD_get_daemon_info(listener->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	*ret = listener;
	return OK;
}

void listener_start(struct listener *listener)
{
	listener->pump.run = pump_run;
	listener->pump.timeout_ms = pump_timeout_ms;
	loop_pump_add(listener->server->loop, &listener->pump);
	uv_poll_start(&listener->mhd_poll, UV_READABLE, mhd_ready);
	listener_accept(listener, true);
}

void listener_accept(struct listener *listener, bool on)
{
	if (on && !listener->draining)
		uv_poll_start(&listener->accept_poll, UV_READABLE, accept_ready);
	else
		uv_poll_stop(&listener->accept_poll);
}

void listener_set_tls(struct listener *listener, struct tls_server *tls)
{
	if (!listener->tls)
		return;
	tls_server_ref(tls);
	tls_server_unref(listener->tls);
	listener->tls = tls;
}

void listener_set_mode(struct listener *listener, unsigned mode)
{
	if (listener->wanted.kind != LISTEN_UNIX || listener->wanted.mode == mode)
		return;
	/* A commit cannot fail; the file belonged to this process a moment ago. */
	if (chmod(listener->wanted.path, mode) == 0)
		listener->wanted.mode = mode;
}

void listener_quiesce(struct listener *listener)
{
	if (listener->draining)
		return;
	/*
	 * Clients that have connected already are served; on systemd's socket the next daemon
	 * serves them, on one that is still used the next listener.
	 */
	for (int i = 0; i < accepts_at_end && !listener->endpoint.passed && !listener->replaced;
		i++)
		if (listener->server->connections >= listener->server->max_connections ||
			!accept_one(listener))
			break;
	listener->draining = true;
	listener_accept(listener, false);
	endpoint_close(&listener->endpoint);
	loop_pump_wake(&listener->pump);
	if (listener->connections == 0)
		loop_flush_later(listener->server->loop, &listener->server->sweep);
}

void listener_close(struct listener *listener)
{
	if (listener->pump.run)
		loop_pump_remove(listener->server->loop, &listener->pump);
	/* libuv must close its handles before the descriptors are closed. */
	uv_close((uv_handle_t *)&listener->accept_poll, handle_closed);
	uv_close((uv_handle_t *)&listener->mhd_poll, handle_closed);
	MHD_stop_daemon(listener->mhd);
	endpoint_close(&listener->endpoint);
}
