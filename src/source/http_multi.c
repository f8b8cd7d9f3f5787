/* SPDX-License-Identifier: MIT */
/*
 * curl's multi handle on our loop; see http_multi.h.
 *
 * Special: libuv stops a poll whose socket has an error and reports it as a negative status; curl
 * still expects it to be watched. So such a status is reported to curl as ready and
 * CURL_CSELECT_ERR, curl then reads the socket's error, and the poll is restarted if curl still
 * wants it.
 */
#include "source/http_multi.h"

#include <sys/socket.h>

#include "base/mem.h"
#include "text/trace.h"

enum { idle_connections = 4 };

struct http_multi {
	CURLM *curl;
	uv_loop_t *uv;
	uv_timer_t timer;
};

/* One per socket that curl watches. */
struct watch {
	uv_poll_t poll;
	curl_socket_t fd;
	int events;	/* of libuv */
	bool unwatched; /* curl does not watch it any more: it is being closed */
	struct http_multi *multi;
};

static void collect(struct http_multi *multi)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi->curl, &left))) {
		struct http_done *done = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&done);
		done->over = true;
		done->result = message->data.result;
		if (done->waiter)
			fiber_wake(done->waiter);
	}
}

static void act(struct http_multi *multi, curl_socket_t fd, int mask)
{
	int running;

	curl_multi_socket_action(multi->curl, fd, mask, &running);
	collect(multi);
}

static void polled(uv_poll_t *poll, int status, int events);

static void start_poll(struct watch *watch)
{
	uv_poll_start(&watch->poll, watch->events, polled);
}

static void watch_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;

	mem_free(watch);
}

static void polled(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	int mask = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
		   (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);

	if (status < 0)
		mask = CURL_CSELECT_IN | CURL_CSELECT_OUT | CURL_CSELECT_ERR;
	act(watch->multi, watch->fd, mask);
	/* The struct outlives this: it is freed in a later close callback. */
	if (status < 0 && !watch->unwatched)
		start_poll(watch);
}

static void unwatch(struct http_multi *multi, struct watch *watch)
{
	curl_multi_assign(multi->curl, watch->fd, NULL);
	watch->unwatched = true;
	/* Now, while the descriptor is still open and curl's. */
	uv_poll_stop(&watch->poll);
	uv_close((uv_handle_t *)&watch->poll, watch_closed);
}

static struct watch *watch_new(struct http_multi *multi, curl_socket_t fd)
{
	struct watch *watch = mem_new(struct watch);

	if (uv_poll_init_socket(multi->uv, &watch->poll, fd) != 0) {
		mem_free(watch);
		return NULL;
	}
	watch->poll.data = watch;
	watch->fd = fd;
	watch->multi = multi;
	curl_multi_assign(multi->curl, fd, watch);
	return watch;
}

static int socket_wanted(
	CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
	struct http_multi *multi = context;
	struct watch *watch = socket_context;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watch)
			unwatch(multi, watch);
		return 0;
	}
	if (!watch)
		watch = watch_new(multi, fd);
	if (!watch)
		return -1;
	watch->events =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	start_poll(watch);
	return 0;
}

static void timer_fired(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int timer_wanted(CURLM *curl, long timeout_ms, void *context)
{
	struct http_multi *multi = context;

	(void)curl;
	if (timeout_ms < 0)
		uv_timer_stop(&multi->timer);
	else
		uv_timer_start(&multi->timer, timer_fired, (uint64_t)timeout_ms, 0);
	return 0;
}

struct http_multi *http_multi_new(struct loop *loop)
{
	struct http_multi *multi = mem_new(struct http_multi);

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		mem_exhausted();
	multi->curl = curl_multi_init();
	if (!multi->curl)
		mem_exhausted();
	multi->uv = loop_uv(loop);
	uv_timer_init(multi->uv, &multi->timer);
	multi->timer.data = multi;
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
	curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)idle_connections);
	return multi;
}

static void timer_closed(uv_handle_t *handle)
{
	struct http_multi *multi = handle->data;

	mem_free(multi);
}

void http_multi_free(struct http_multi *multi)
{
	if (!multi)
		return;
	/* Closes the idle connections; curl still calls back for their sockets. */
	curl_multi_cleanup(multi->curl);
	curl_global_cleanup();
	uv_close((uv_handle_t *)&multi->timer, timer_closed);
}

void http_multi_add(struct http_multi *multi, CURL *easy)
{
	curl_multi_add_handle(multi->curl, easy);
}

void http_multi_remove(struct http_multi *multi, CURL *easy)
{
	curl_multi_remove_handle(multi->curl, easy);
}

/* Child processes must not inherit what curl opens. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)context;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

CURL *http_multi_easy(void)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		mem_exhausted();
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "cachewarden/" CW_VERSION);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	/* Cancelling a slow name resolution must not block the loop. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	/* Pausing assumes one stream per connection. */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	return easy;
}

struct curl_slist *http_multi_trace(struct curl_slist *headers)
{
	char child[TRACE_PARENT_BYTES + 1];

	if (!*fiber_trace())
		return headers;
	trace_child(fiber_trace(), child);
	char *line = mem_printf("traceparent: %s", child);

	headers = curl_slist_append(headers, line);
	mem_free(line);
	return headers;
}
