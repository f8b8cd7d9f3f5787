/* SPDX-License-Identifier: MIT */
/* How long connections live, and how many there may be. */
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/mem.h"
#include "web.h"

#define ANONYMOUS "auth: {anonymous: [read]}\n"
#define HOST	  "Host: localhost\r\n"

enum { short_ms = 300, late_ms = 2000 };

static struct web web;

/* Sends a byte every 20 ms until the server ends the connection; how long that took. */
static int64_t drip(int fd)
{
	int64_t began = clock_mono_ms();
	char byte;

	while (clock_mono_ms() - began < late_ms) {
		if (send(fd, "a", 1, MSG_NOSIGNAL) != 1)
			break;
		if (recv(fd, &byte, 1, MSG_DONTWAIT) == 0)
			break;
		usleep(20000);
	}
	return clock_mono_ms() - began;
}

static void check_cut_by_deadline(int64_t ms)
{
	ck_assert_int_ge(ms, short_ms - 100);
	ck_assert_int_lt(ms, late_ms);
}

static void slow_head_client(struct web *at)
{
	int fd = web_connect(at);

	web_send(fd, "GET /inline HTTP/1.1\r\n" HOST "X-Slow: ");
	check_cut_by_deadline(drip(fd));
	close(fd);
	/* The second head of a connection has a time of its own. */
	fd = web_connect(at);
	web_send(fd, "GET /inline HTTP/1.1\r\n" HOST "\r\n");
	mem_free(web_read_answer(fd));
	usleep(2 * short_ms * 1000);
	web_send(fd, "GET /inline HTTP/1.1\r\n" HOST "X-Slow: ");
	check_cut_by_deadline(drip(fd));
	close(fd);
}

START_TEST(a_head_sent_too_slowly_ends_the_connection)
{
	web_begin(&web, ANONYMOUS);
	web.conf->limits.header_deadline_ms = short_ms;
	web_run(&web, slow_head_client);
}
END_TEST

static void slow_body_client(struct web *at)
{
	int fd = web_connect(at);

	web_send(fd, "POST /bytes HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n");
	check_cut_by_deadline(drip(fd));
	close(fd);
	ck_assert_uint_eq(at->calls, 0);
}

START_TEST(a_body_sent_too_slowly_ends_the_connection)
{
	web_begin(&web, ANONYMOUS);
	web.conf->limits.body_deadline_ms = short_ms;
	web_run(&web, slow_body_client);
}
END_TEST

static void slow_reader_client(struct web *at)
{
	int fd = web_connect(at), small = 4096;
	size_t n = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	web_send(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n");
	usleep(3 * short_ms * 1000);
	mem_free(web_read_all(fd, &n));
	ck_assert_uint_lt(n, 4 << 20);
	close(fd);
}

START_TEST(an_answer_that_is_not_read_ends_the_connection)
{
	web_begin(&web, ANONYMOUS);
	web.conf->limits.reply_deadline_ms = short_ms;
	web_run(&web, slow_reader_client);
	ck_assert_int_eq(web.drained, OK);
}
END_TEST

static void refused_sender_client(struct web *at)
{
	static const char head[] =
		"POST /bytes HTTP/1.1\r\n" HOST "Content-Length: 5000000\r\n\r\n";
	size_t n = sizeof head - 1 + 5000000;
	char *request = mem_alloc(n + 1), *answer;

	memset(request, 'x', n);
	request[n] = '\0';
	memcpy(request, head, sizeof head - 1);
	answer = web_ask(at, request);
	ck_assert_int_eq(web_status(answer), 413);
	mem_free(answer);
	mem_free(request);
}

START_TEST(a_client_refused_while_sending_gets_the_answer)
{
	web_begin(&web, ANONYMOUS);
	web_run(&web, refused_sender_client);
}
END_TEST

static void per_ip_client(struct web *at)
{
	int fds[3];
	char byte;

	for (int i = 0; i < 3; i++)
		fds[i] = web_connect(at);
	web_send(fds[1], "GET /inline HTTP/1.1\r\n" HOST "\r\n");
	mem_free(web_read_answer(fds[1]));
	ck_assert_int_le(recv(fds[2], &byte, 1, 0), 0);
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
}

START_TEST(connections_of_one_address_are_bounded)
{
	web_begin(&web, ANONYMOUS "limits: {per_ip: 2}\n");
	web_run(&web, per_ip_client);
}
END_TEST

static void crowded_client(struct web *at)
{
	int idle = web_connect(at), next;
	char byte, *answer;

	web_send(idle, "GET /inline HTTP/1.1\r\n" HOST "\r\n");
	mem_free(web_read_answer(idle));
	next = web_connect(at);
	web_send(next, "GET /inline HTTP/1.1\r\n" HOST "\r\n");
	answer = web_read_answer(next);
	ck_assert_int_eq(web_status(answer), 200);
	mem_free(answer);
	ck_assert_int_eq(recv(idle, &byte, 1, 0), 0);
	close(idle);
	close(next);
}

START_TEST(a_new_connection_replaces_the_longest_idle_one)
{
	web_begin(&web, ANONYMOUS "limits: {connections: 1}\n");
	web_run(&web, crowded_client);
}
END_TEST

static void starved_client(struct web *at)
{
	struct rlimit before, none;
	int fd = web_connect(at), waiting;
	int64_t cpu;
	char *answer;

	/* The first is closed again, so that the server is at its first connection when it starves.
	 */
	close(fd);
	usleep(50000);
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = (rlim_t)fcntl(0, F_DUPFD, 0) + 1;
	close((int)none.rlim_cur - 1);
	waiting = web_connect(at);
	setrlimit(RLIMIT_NOFILE, &none);
	web_send(waiting, "GET /inline HTTP/1.1\r\n" HOST "\r\n");
	cpu = unit_cpu_us();
	usleep(500000);
	ck_assert_int_lt(unit_cpu_us() - cpu, 100000);
	setrlimit(RLIMIT_NOFILE, &before);
	answer = web_read_answer(waiting);
	ck_assert_int_eq(web_status(answer), 200);
	mem_free(answer);
	close(waiting);
}

START_TEST(without_descriptors_accepting_waits_and_does_not_spin)
{
	web_begin(&web, ANONYMOUS);
	web_run(&web, starved_client);
}
END_TEST

/* A body of `n` bytes on a connection of its own, of which all but one are sent. */
static int begin_body(struct web *at, size_t n)
{
	int fd = web_connect(at);
	char *text = mem_alloc(n);

	memset(text, 'x', n);
	text[n - 1] = '\0';
	char *head = mem_printf("POST /bytes HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", n);
	web_send(fd, head);
	web_send(fd, text);
	mem_free(head);
	mem_free(text);
	return fd;
}

static void end_body(int fd, int status)
{
	size_t n;
	char *answer;

	web_send(fd, "x");
	shutdown(fd, SHUT_WR);
	answer = web_read_all(fd, &n);
	ck_assert_int_eq(web_status(answer), status);
	mem_free(answer);
	close(fd);
}

static void heavy_client(struct web *at)
{
	int first = begin_body(at, 40 << 20), second = begin_body(at, 40 << 20);

	/* The first was read to its last byte before the second began. */
	web_send(second, "x");
	shutdown(second, SHUT_WR);
	char *answer = web_read_all(second, NULL);
	ck_assert_int_eq(web_status(answer), 503);
	ck_assert_ptr_nonnull(strstr(answer, "\"code\":\"overloaded\""));
	ck_assert_ptr_nonnull(strstr(answer, "Retry-After: 1\r\n"));
	mem_free(answer);
	close(second);
	end_body(first, 200);
	end_body(begin_body(at, 40 << 20), 200);
}

START_TEST(bodies_share_a_budget)
{
	web_begin(&web, ANONYMOUS "cache: {max_value_bytes: 64MiB}\n");
	web_run(&web, heavy_client);
	ck_assert_uint_eq(web.calls, 2);
}
END_TEST

TEST_SUITE("server_life", a_head_sent_too_slowly_ends_the_connection,
	a_body_sent_too_slowly_ends_the_connection, an_answer_that_is_not_read_ends_the_connection,
	a_client_refused_while_sending_gets_the_answer, connections_of_one_address_are_bounded,
	a_new_connection_replaces_the_longest_idle_one,
	without_descriptors_accepting_waits_and_does_not_spin, bodies_share_a_budget)
