/* SPDX-License-Identifier: MIT */
/* How the server ends, and how it exchanges its listeners. */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"
#include "web.h"

#define ANONYMOUS "auth: {anonymous: [read]}\n"
#define HOST	  "Host: localhost\r\n"

static struct web web;

static int asked[3];

static void leaving_client(struct web *at)
{
	for (int i = 0; i < 3; i++)
		asked[i] = web_connect(at);
	web_send(asked[0], "GET /sleep?ms=300 HTTP/1.1\r\n" HOST "\r\n");
	web_send(asked[1], "GET /inline HTTP/1.1\r\n" HOST "\r\n");
	mem_free(web_read_answer(asked[1]));
	usleep(50000);
}

START_TEST(draining_answers_what_was_accepted)
{
	char *answer;

	web_begin(&web, ANONYMOUS);
	web_run(&web, leaving_client);
	ck_assert_int_eq(web.drained, OK);
	answer = web_read_all(asked[0], NULL);
	ck_assert_int_eq(web_status(answer), 204);
	ck_assert_ptr_nonnull(strstr(answer, "Connection: close\r\n"));
	mem_free(answer);
	/* The idle one and the one that never asked are closed in silence. */
	for (int i = 1; i < 3; i++) {
		answer = web_read_all(asked[i], NULL);
		ck_assert_str_eq(answer, "");
		mem_free(answer);
	}
}
END_TEST

static void stuck_client(struct web *at)
{
	asked[0] = web_connect(at);
	web_send(asked[0], "GET /sleep?ms=60000 HTTP/1.1\r\n" HOST "\r\n");
	usleep(50000);
}

START_TEST(draining_ends_at_its_deadline)
{
	char *answer;

	web_begin(&web, ANONYMOUS);
	web.drain_ms = 100;
	web_run(&web, stuck_client);
	ck_assert_int_eq(web.drained, ERR_TIMEOUT);
	answer = web_read_all(asked[0], NULL);
	ck_assert_int_eq(web_status(answer), 503);
	mem_free(answer);
}
END_TEST

static void half_a_body_client(struct web *at)
{
	for (int i = 0; i < 3; i++) {
		asked[i] = web_connect(at);
		web_send(asked[i], "POST /bytes HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhalf");
		shutdown(asked[i], SHUT_WR);
	}
	usleep(50000);
}

START_TEST(draining_does_not_wait_for_a_body_that_has_ended)
{
	web_begin(&web, ANONYMOUS);
	web.drain_ms = 3000;
	web_run(&web, half_a_body_client);
	ck_assert_int_eq(web.drained, OK);
	for (int i = 0; i < 3; i++)
		close(asked[i]);
}
END_TEST

static void expect_reload(struct web *at, int fd, int status, const char *part)
{
	char *answer;

	(void)at;
	web_send(fd, "GET /reload HTTP/1.1\r\n" HOST "\r\n");
	answer = web_read_answer(fd);
	ck_assert_msg(web_status(answer) == status, "not %d: %s", status, answer);
	ck_assert_msg(strstr(answer, part) != NULL, "no `%s` in: %s", part, answer);
	mem_free(answer);
}

static void reload_client(struct web *at)
{
	int tcp = web_connect(at), local = web_connect_unix(at);
	struct stat is;
	char byte;

	web_send(tcp, "GET /inline HTTP/1.1\r\n" HOST "\r\n");
	mem_free(web_read_answer(tcp));
	expect_reload(at, local, 200, "/second.sock\n");
	/* The TCP listener is gone, with what was idle on it; the Unix one lives on. */
	ck_assert_int_eq(recv(tcp, &byte, 1, 0), 0);
	ck_assert_int_eq(stat(at->unix_path, &is), 0);
	ck_assert_uint_eq(is.st_mode & 0777, 0666);
	expect_reload(at, local, 200, "/second.sock\n");
	close(tcp);
	close(local);
}

START_TEST(a_reload_replaces_listeners_and_keeps_connections)
{
	char *yaml;

	web_begin(&web, ANONYMOUS);
	yaml = mem_printf(ANONYMOUS
		"listen: [{unix: %s, mode: \"0666\"}, {unix: %s/second.sock, mode: \"0600\"}]\n",
		web.unix_path, web.folder);
	web_load_next(&web, yaml);
	mem_free(yaml);
	web_run(&web, reload_client);
	ck_assert_int_eq(web.drained, OK);
}
END_TEST

static void bad_reload_client(struct web *at)
{
	int fd = web_connect(at);

	expect_reload(at, fd, 422, "/nowhere/x.sock");
	web_send(fd, "GET /inline HTTP/1.1\r\n" HOST "\r\n");
	mem_free(web_read_answer(fd));
	close(fd);
	fd = web_connect(at);
	expect_reload(at, fd, 422, "/nowhere/x.sock");
	close(fd);
}

START_TEST(a_reload_that_fails_changes_nothing)
{
	char *yaml;

	web_begin(&web, ANONYMOUS);
	yaml = mem_printf("listen: [{unix: %s/second.sock, mode: \"0600\"}, "
			  "{unix: %s/nowhere/x.sock, mode: \"0600\"}]\n",
		web.folder, web.folder);
	web_load_next(&web, yaml);
	mem_free(yaml);
	web_run(&web, bad_reload_client);
}
END_TEST

TEST_SUITE("server_end", draining_answers_what_was_accepted, draining_ends_at_its_deadline,
	draining_does_not_wait_for_a_body_that_has_ended,
	a_reload_replaces_listeners_and_keeps_connections, a_reload_that_fails_changes_nothing)
