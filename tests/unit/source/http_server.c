/* SPDX-License-Identifier: MIT */
#include "http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <zlib.h>

enum { tick_us = 50000 };

static int listener;
static pthread_t thread;
static atomic_bool stopping;
static atomic_uint connections, active;
static atomic_size_t sent;

/* False where the client has gone or the server is to stop. */
static bool put_bytes(int fd, const char *p, size_t n)
{
	while (n && !stopping) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EAGAIN)
			continue;
		if (done < 0)
			return false;
		sent += (size_t)done;
		p += done;
		n -= (size_t)done;
	}
	return !stopping;
}

static bool put(int fd, const char *text)
{
	return put_bytes(fd, text, strlen(text));
}

static bool put_body(int fd, const char *body)
{
	char head[128];

	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
	return put(fd, head) && put(fd, body);
}

static bool put_page(int fd, int page)
{
	char body[128];

	if (page > 3)
		return put_body(fd, "{\"items\":[]}");
	snprintf(body, sizeof body, "{\"items\":[{\"p\":%d},{\"q\":%d}]}", page, page);
	return put_body(fd, body);
}

static bool drip(int fd)
{
	bool alive = put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");

	while (alive) {
		alive = put(fd, "1\n");
		usleep(tick_us);
	}
	return false;
}

static bool endless(int fd)
{
	bool alive = put(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");

	while (alive)
		alive = put(fd, "8\r\n1\n2\n3\n4\n\r\n");
	return false;
}

/* 400,000 rows in 20 MB. */
static bool many(int fd)
{
	static char block[50 * 1000];
	bool alive = put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n");

	memset(block, '7', sizeof block);
	for (size_t i = 49; i < sizeof block; i += 50)
		block[i] = '\n';
	for (int i = 0; i < 400 && alive; i++)
		alive = put_bytes(fd, block, sizeof block);
	return alive;
}

/* The request's head as one JSON string. */
static bool echo(int fd, const char *head)
{
	char body[4096] = "\"";
	size_t n = 1;

	for (; *head && n < sizeof body - 4; head++)
		body[n++] = *head == '\r' ? ' ' : *head == '\n' ? '|' : *head;
	body[n++] = '"';
	body[n] = '\0';
	return put_body(fd, body);
}

static bool reset(int fd)
{
	const struct linger at_once = {.l_onoff = 1};

	put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n1\n");
	usleep(tick_us);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	return false;
}

/* 10 MB of white space, 10 KB as they are sent. */
static bool bomb(int fd)
{
	static unsigned char text[10000000], packed[100000];
	z_stream z = {.next_in = text,
		.avail_in = sizeof text,
		.next_out = packed,
		.avail_out = sizeof packed};
	char head[128];

	memset(text, '\n', sizeof text);
	if (deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
		deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	snprintf(head, sizeof head,
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n",
		z.total_out);
	deflateEnd(&z);
	return put(fd, head) && put_bytes(fd, (const char *)packed, z.total_out);
}

static bool hang(void)
{
	while (!stopping)
		usleep(tick_us);
	return false;
}

static bool is(const char *path, const char *wanted)
{
	return strncmp(path, wanted, strlen(wanted)) == 0;
}

/* False where the connection ends. */
static bool answer(int fd, const char *head)
{
	const char *path = strchr(head, ' ') + 1;
	int page = 0;

	if (sscanf(path, "/pages/%d", &page) == 1)
		return put_page(fd, page);
	if (is(path, "/items"))
		return put_body(fd, "{\"items\":[1,2]}");
	if (is(path, "/echo"))
		return echo(fd, head);
	if (is(path, "/bomb"))
		return bomb(fd);
	if (is(path, "/many"))
		return many(fd);
	if (is(path, "/204"))
		return put(fd, "HTTP/1.1 204 No Content\r\n\r\n");
	if (is(path, "/500"))
		return put(fd,
			"HTTP/1.1 500 Oh\r\nRetry-After: 7\r\nContent-Length: 6\r\n\r\n[1,2]\n");
	if (is(path, "/302"))
		return put(
			fd, "HTTP/1.1 302 Found\r\nLocation: /items\r\nContent-Length: 0\r\n\r\n");
	if (is(path, "/garbage"))
		return put(fd, "what is this\r\n\r\n") && false;
	if (is(path, "/short"))
		return put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n1\n2\n") && false;
	if (is(path, "/rst"))
		return reset(fd);
	if (is(path, "/huge"))
		return put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n1\n") &&
		       hang();
	if (is(path, "/hang"))
		return hang();
	if (is(path, "/drip"))
		return drip(fd);
	return is(path, "/endless") ? endless(fd) : false;
}

static void serve_requests(int fd)
{
	char head[4096];
	size_t n = 0;

	while (!stopping) {
		ssize_t got = recv(fd, head + n, sizeof head - 1 - n, 0);

		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0)
			return;
		n += (size_t)got;
		head[n] = '\0';
		if (!strstr(head, "\r\n\r\n"))
			continue;
		if (!answer(fd, head))
			return;
		n = 0;
	}
}

static void *serve_connection(void *argument)
{
	int fd = (int)(intptr_t)argument;

	serve_requests(fd);
	close(fd);
	active--;
	return NULL;
}

static void *serve(void *unused)
{
	const struct timeval tick = {.tv_usec = tick_us};

	while (!stopping) {
		pthread_t server;
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		connections++;
		active++;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tick, sizeof tick);
		if (pthread_create(&server, NULL, serve_connection, (void *)(intptr_t)fd))
			abort();
		pthread_detach(server);
	}
	while (active)
		usleep(1000);
	return unused;
}

uint16_t http_server_start(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	const struct timeval tick = {.tv_usec = tick_us};

	stopping = false;
	connections = 0;
	sent = 0;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
	if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 16) ||
		getsockname(listener, (struct sockaddr *)&address, &length) ||
		pthread_create(&thread, NULL, serve, NULL))
		abort();
	return ntohs(address.sin_port);
}

void http_server_stop(void)
{
	stopping = true;
	pthread_join(thread, NULL);
	close(listener);
}

unsigned http_server_accepted(void)
{
	return connections;
}

size_t http_server_sent(void)
{
	return sent;
}
