/* SPDX-License-Identifier: MIT */
#include "web.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"
#include "http/reply.h"

static struct web *web_of(void *context)
{
	return context;
}

static void inline_route(struct request *request, void *context)
{
	(void)context;
	reply_bytes(request, 200, "text/plain", SLICE("ok\n"));
}

static void fiber_route(struct request *request, void *context)
{
	web_of(context)->calls++;
	fiber_sleep(1);
	reply_bytes(request, 200, "text/plain", request_path(request, "name"));
}

static void body_route(struct request *request, void *context)
{
	web_of(context)->calls++;
	reply_header(request, "X-Identity", request_identity(request)->name);
	reply_bytes(request, 200, "application/octet-stream", request_body(request));
}

/* Answers when it is cancelled, or after `ms`. */
static void sleep_route(struct request *request, void *context)
{
	struct fault fault;
	int64_t ms = 0;

	(void)context;
	if (request_query_int(request, "ms", 0, 60000, &ms, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	if (fiber_sleep(ms) == OK) {
		reply_empty(request, 204);
		return;
	}
	fault_set(&fault, ERR_STOPPING, "the test is over");
	reply_fault(request, &fault);
}

static void big_route(struct request *request, void *context)
{
	size_t n = 4 << 20;

	(void)context;
	reply_owned(request, 200, "application/octet-stream", mem_zalloc(n), n);
}

/* Exchanges the configuration; the answer tells the fault. */
static void reload_route(struct request *request, void *context)
{
	struct web *web = web_of(context);
	struct fault fault;

	if (http_server_prepare(web->server, web->next, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	http_server_commit(web->server, web->next);
	struct buf addresses = {0};
	http_server_addresses(web->server, &addresses);
	reply_bytes(request, 200, "text/plain", buf_slice(&addresses));
	buf_release(&addresses);
}

static const struct route routes[] = {
	{"GET", "/reload", SCOPE_READ, ROUTE_INLINE, reload_route, "", "exchanges"},
	{"GET", "/inline", SCOPE_READ, ROUTE_INLINE, inline_route, "", "answers at once"},
	{"GET", "/open", SCOPE_NONE, ROUTE_INLINE | ROUTE_OPEN | ROUTE_ANY_HOST, inline_route, "",
		"open to all"},
	{"GET", "/fiber/{name}", SCOPE_READ, 0, fiber_route, "", "answers from a fiber"},
	{"DELETE", "/fiber/{name}", SCOPE_READ, 0, fiber_route, "", "counts itself"},
	{"POST", "/bytes", SCOPE_READ, ROUTE_BYTES, body_route, "", "echoes"},
	{"POST", "/json", SCOPE_READ, ROUTE_JSON, body_route, "", "echoes"},
	{"GET", "/sleep", SCOPE_READ, 0, sleep_route, "ms", "waits"},
	{"GET", "/big", SCOPE_READ, 0, big_route, "", "4 MiB"},
	{"GET", "/admin", SCOPE_ADMIN, ROUTE_INLINE, inline_route, "", "for few"},
	{.method = NULL},
};

static struct conf *load_conf(struct web *web, const char *yaml)
{
	char *path = mem_printf("%s/conf.yaml", web->folder);
	FILE *file = fopen(path, "w");
	struct buf faults = {0};
	struct conf *conf = NULL;

	ck_assert_ptr_nonnull(file);
	fprintf(file, "redis: {url: \"managed:\"}\n%s", yaml);
	fclose(file);
	ck_assert_msg(conf_load(path, &conf, &faults) == OK, "%s", faults.p);
	buf_release(&faults);
	unlink(path);
	mem_free(path);
	return conf;
}

void web_load_next(struct web *web, const char *yaml)
{
	web->next = load_conf(web, yaml);
}

static struct http_server *new_server(struct web *web)
{
	return http_server_new(&(struct http_options){.loop = web->loop,
		.log = web->log,
		.metrics = web->metrics,
		.routes = routes,
		.context = web});
}

void web_begin(struct web *web, const char *yaml)
{
	char *all;

	*web = (struct web){.drain_ms = 5000};
	signal(SIGPIPE, SIG_IGN);
	web->folder = mem_strdup("/tmp/cachewarden-http-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(web->folder));
	web->unix_path = mem_printf("%s/u.sock", web->folder);
	all = mem_printf(
		"listen: [\"127.0.0.1:0\", {unix: %s, mode: \"0600\"}]\n%s", web->unix_path, yaml);
	web->conf = load_conf(web, all);
	mem_free(all);
	web->loop = loop_new();
	web->log = log_new(STDERR_FILENO);
	log_configure(web->log, LOG_LEVEL_ERROR, false);
	web->metrics = metrics_new();
	web->server = new_server(web);
}

void web_log_to(struct web *web, int fd)
{
	log_free(web->log);
	web->log = log_new(fd);
	log_configure(web->log, LOG_LEVEL_INFO, false);
	http_server_free(web->server);
	web->server = new_server(web);
	web->keep_metrics = true;
}

static void keep_metrics(struct web *web)
{
	struct buf text = {0};

	http_server_publish_metrics(web->server);
	metrics_render(web->metrics, &text);
	web->metrics_text = buf_steal(&text, NULL);
}

struct ending {
	struct web *web;
	uv_async_t async;
	struct fiber_group group;
	pthread_t thread;
};

static void drain_and_stop(void *argument)
{
	struct web *web = argument;

	web->drained = http_server_drain(web->server, clock_deadline(web->drain_ms));
	loop_stop(web->loop);
}

static void client_ended(uv_async_t *async)
{
	struct ending *ending = async->data;

	fiber_spawn(&ending->group, "drain", drain_and_stop, ending->web);
}

static void *client_main(void *argument)
{
	struct ending *ending = argument;

	ending->web->client(ending->web);
	uv_async_send(&ending->async);
	return NULL;
}

static void find_port(struct web *web)
{
	struct buf addresses = {0};

	http_server_addresses(web->server, &addresses);
	ck_assert_int_eq(sscanf(addresses.p, "http://127.0.0.1:%d\n", &web->port), 1);
	ck_assert_ptr_nonnull(strstr(addresses.p, web->unix_path));
	buf_release(&addresses);
}

void web_run(struct web *web, void (*client)(struct web *web))
{
	struct ending ending = {.web = web};
	struct fault fault;

	web->client = client;
	ck_assert_msg(
		http_server_prepare(web->server, web->conf, &fault) == OK, "%s", fault.detail);
	http_server_commit(web->server, web->conf);
	find_port(web);
	fiber_group_init(&ending.group, "test", web->loop);
	uv_async_init(loop_uv(web->loop), &ending.async, client_ended);
	ending.async.data = &ending;
	ck_assert_int_eq(pthread_create(&ending.thread, NULL, client_main, &ending), 0);
	loop_run(web->loop);
	pthread_join(ending.thread, NULL);
	uv_close((uv_handle_t *)&ending.async, NULL);
	if (web->keep_metrics)
		keep_metrics(web);
	http_server_free(web->server);
	loop_free(web->loop);
	conf_unref(web->conf);
	conf_unref(web->next);
	metrics_free(web->metrics);
	log_free(web->log);
	ck_assert_int_eq(rmdir(web->folder), 0);
	mem_free(web->folder);
	mem_free(web->unix_path);
}

int web_socket(int family)
{
	struct timeval timeout = {.tv_sec = WEB_TIMEOUT_S};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	return fd;
}

void web_connect_socket(const struct web *web, int fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)web->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
}

int web_connect(const struct web *web)
{
	int fd = web_socket(AF_INET);

	web_connect_socket(web, fd);
	return fd;
}

int web_connect_unix(const struct web *web)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = web_socket(AF_UNIX);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", web->unix_path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

void web_send(int fd, const char *text)
{
	size_t n = strlen(text);

	/* A server that has refused may have closed already: the answer tells. */
	while (n > 0) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		text += sent;
		n -= (size_t)sent;
	}
}

char *web_read_all(int fd, size_t *ret_n)
{
	struct buf all = {0};
	ssize_t got;

	while ((got = recv(fd, buf_reserve(&all, 65536), 65536, 0)) > 0)
		all.n += (size_t)got;
	buf_append(&all, "", 0);
	return buf_steal(&all, ret_n);
}

char *web_read_answer(int fd)
{
	struct buf answer = {0};
	const char *end = NULL, *length;
	size_t want = SIZE_MAX;

	buf_append(&answer, "", 0);
	while (answer.n < want && recv(fd, buf_reserve(&answer, 1), 1, 0) == 1) {
		answer.n++;
		answer.p[answer.n] = '\0';
		if (end || !(end = strstr(answer.p, "\r\n\r\n")))
			continue;
		length = strstr(answer.p, "Content-Length: ");
		want = (size_t)(end + 4 - answer.p) + (length ? strtoul(length + 16, NULL, 10) : 0);
	}
	return buf_steal(&answer, NULL);
}

char *web_ask(const struct web *web, const char *request)
{
	int fd = web_connect(web);
	char *answer;

	web_send(fd, request);
	shutdown(fd, SHUT_WR);
	answer = web_read_all(fd, NULL);
	close(fd);
	return answer;
}

int web_status(const char *answer)
{
	int status = 0;

	return sscanf(answer, "HTTP/1.1 %d ", &status) == 1 ? status : 0;
}
