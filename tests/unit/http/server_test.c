/* SPDX-License-Identifier: MIT */
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"
#include "web.h"

#define ANONYMOUS "auth: {anonymous: [read]}\n"
#define HOST	  "Host: localhost\r\n"

static struct web web;

static void expect(int fd, int status, const char *part)
{
	char *answer = web_read_answer(fd);

	ck_assert_msg(web_status(answer) == status, "not %d: %s", status, answer);
	ck_assert_msg(strstr(answer, part) != NULL, "no `%s` in: %s", part, answer);
	mem_free(answer);
}

static void ask_and_expect(const char *request, int status, const char *part)
{
	char *answer = web_ask(&web, request);

	ck_assert_msg(web_status(answer) == status, "%s\nnot %d: %s", request, status, answer);
	ck_assert_msg(strstr(answer, part) != NULL, "no `%s` in: %s", part, answer);
	mem_free(answer);
}

static void keep_alive_client(struct web *at)
{
	int fds[] = {web_connect(at), web_connect_unix(at)};

	for (size_t i = 0; i < 2; i++) {
		web_send(fds[i], "GET /inline HTTP/1.1\r\n" HOST "\r\n");
		expect(fds[i], 200, "\r\n\r\nok\n");
		web_send(fds[i],
			"GET /fiber/a%2Fb HTTP/1.1\r\n" HOST "X-Request-Id: mine-1\r\n\r\n");
		expect(fds[i], 200, "\r\n\r\na/b");
		web_send(fds[i], "POST /bytes HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
		expect(fds[i], 200, "\r\n\r\nhello");
		web_send(fds[i], "POST /json HTTP/1.1\r\n" HOST "\r\n");
		expect(fds[i], 200, "Content-Length: 0\r\n");
		web_send(fds[i], "HEAD /inline HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
		char *answer = web_read_all(fds[i], NULL);
		ck_assert_int_eq(web_status(answer), 200);
		ck_assert_ptr_nonnull(strstr(answer, "Content-Length: 3\r\n"));
		ck_assert_ptr_null(strstr(answer, "ok\n"));
		mem_free(answer);
		close(fds[i]);
	}
}

START_TEST(a_connection_carries_many_requests)
{
	web_begin(&web, ANONYMOUS);
	web_run(&web, keep_alive_client);
	ck_assert_int_eq(web.drained, OK);
	ck_assert_uint_eq(web.calls, 6);
}
END_TEST

static void pipelining_client(struct web *at)
{
	int fd = web_connect(at);
	char text[64];

	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "GET /fiber/%d HTTP/1.1\r\n" HOST "\r\n", i);
		web_send(fd, text);
	}
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "\r\n\r\n%d", i);
		expect(fd, 200, text);
	}
	close(fd);
}

START_TEST(pipelined_requests_are_answered_in_order)
{
	web_begin(&web, ANONYMOUS);
	web_run(&web, pipelining_client);
	ck_assert_uint_eq(web.calls, 100);
}
END_TEST

/* What follows a refused request must never be taken for another one. */
#define CANARY "DELETE /fiber/canary HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* libmicrohttpd refuses this itself from 0.9.77 on. */
#if MHD_VERSION >= 0x00097701
enum { REFUSED_TRANSFER = 400 };
#else
enum { REFUSED_TRANSFER = 411 };
#endif

static const struct {
	int status; /* 0: any refusal, or none but a closed connection */
	const char *request;
} refusals[] = {
	{REFUSED_TRANSFER, "POST /json HTTP/1.1\r\n" HOST
			   "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "0\r\n\r\n" CANARY},
	{REFUSED_TRANSFER,
		"POST /json HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n" CANARY},
	{400, "POST /json HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" CANARY},
	{400, "POST /bytes HTTP/1.1\r\n" HOST
	      "Content-Length: 0\r\nContent-Length: 51\r\n\r\n" CANARY},
	{0, "POST /bytes HTTP/1.1\r\n" HOST "Content-Length: 1, 51\r\n\r\n" CANARY},
	{0, "POST /bytes HTTP/1.1\r\n" HOST "Content-Length: +51\r\n\r\n" CANARY},
	{400, "GET /inline HTTP/1.1\r\n" HOST "Content-Length: 51\r\n\r\n" CANARY},
	{400, "GET /inline HTTP/1.1\r\n" HOST HOST "\r\n" CANARY},
	{0, "GET /inline HTTP/1.1\r\n\r\n" CANARY},
	{400, "GET /open HTTP/1.1\r\n\r\n" CANARY},
	{400, "GET /open HTTP/1.1\r\nHost: a b\r\n\r\n" CANARY},
	{421, "GET http://evil.test/inline HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{400, "GET ftp://localhost/inline HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{400, "GET /inline?a=%00 HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{400, "GET /fiber/%zz HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{400, "GET /inline?access_token=x HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{400, "GET /inline?x=1 HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{401, "GET /admin HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{401, "GET /inline HTTP/1.1\r\n" HOST "Authorization: Bearer nope\r\n\r\n" CANARY},
	{403, "DELETE /fiber/a HTTP/1.1\r\n" HOST "Origin: http://evil.test\r\n\r\n" CANARY},
	{404, "GET /nothing HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{405, "PUT /inline HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{413, "POST /bytes HTTP/1.1\r\n" HOST "Content-Length: 99999999999\r\n\r\n" CANARY},
	{413, "POST /bytes HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n" CANARY},
	{415, "POST /json HTTP/1.1\r\n" HOST
	      "Content-Type: text/plain\r\nContent-Length: 51\r\n\r\n" CANARY},
	{417, "POST /json HTTP/1.1\r\n" HOST "Expect: wonders\r\nContent-Length: 0\r\n\r\n" CANARY},
	{421, "GET /inline HTTP/1.1\r\nHost: evil.test\r\n\r\n" CANARY},
	{421, "GET /nothing HTTP/1.1\r\nHost: localhost.\r\n\r\n" CANARY},
	{501, "get /inline HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{501, "TRACE /inline HTTP/1.1\r\n" HOST "\r\n" CANARY},
	{0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	{0, "GET /inline\r\n\r\n" CANARY},
	{0, "\x16\x03\x01\x02\r\n\r\n\r\n"},
};

static void refused_client(struct web *at)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		char *answer = web_ask(at, refusals[i].request);
		int status = web_status(answer);
		const char *second = strstr(answer + 1, "HTTP/1.1 2");

		if (refusals[i].status)
			ck_assert_msg(status == refusals[i].status, "%s\nnot %d:\n%s",
				refusals[i].request, refusals[i].status, answer);
		ck_assert_msg(status == 0 || status >= 400, "%s\n%s", refusals[i].request, answer);
		ck_assert_msg(!second, "%s\ntwo answers:\n%s", refusals[i].request, answer);
		mem_free(answer);
	}
}

START_TEST(a_refused_request_is_the_last_of_its_connection)
{
	web_begin(&web, ANONYMOUS);
	web_run(&web, refused_client);
	ck_assert_uint_eq(web.calls, 0);
}
END_TEST

static void header_client(struct web *at)
{
	static const char *const always[] = {"X-Request-Id: ", "Cache-Control: no-store",
		"X-Content-Type-Options: nosniff", "X-Frame-Options: DENY",
		"Content-Security-Policy: default-src 'none'", "Referrer-Policy: no-referrer"};
	static const char *const requests[] = {"GET /inline HTTP/1.1\r\n" HOST "\r\n",
		"GET /nothing HTTP/1.1\r\n" HOST "\r\n", "HEAD /inline HTTP/1.0\r\n" HOST "\r\n"};

	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		char *answer = web_ask(at, requests[i]);

		for (size_t j = 0; j < sizeof always / sizeof *always; j++)
			ck_assert_msg(strstr(answer, always[j]) != NULL, "%s", answer);
		mem_free(answer);
	}
	ask_and_expect("GET /open HTTP/1.1\r\nHost: any.name\r\n\r\n", 200, "ok");
	ask_and_expect("GET /inline HTTP/1.1\r\n" HOST "X-Request-Id: mine-1\r\n\r\n", 200,
		"X-Request-Id: mine-1\r\n");
	ask_and_expect("PUT /inline HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET, HEAD\r\n");
	ask_and_expect("GET /admin HTTP/1.1\r\n" HOST "\r\n", 401,
		"WWW-Authenticate: Bearer realm=\"cachewarden\", scope=\"admin\"\r\n");
	ask_and_expect("GET /nothing HTTP/1.1\r\n" HOST "\r\n", 404,
		"Content-Type: application/problem+json\r\n");
	ask_and_expect("GET /nothing HTTP/1.1\r\n" HOST "X-Request-Id: 7\r\n\r\n", 404,
		"\"code\":\"not_found\",\"request_id\":\"7\"}");
}

START_TEST(every_answer_has_its_headers)
{
	web_begin(&web, ANONYMOUS);
	web_run(&web, header_client);
}
END_TEST

static void guessing_client(struct web *at)
{
	char request[128];

	(void)at;
	for (int i = 0; i < 10; i++) {
		snprintf(request, sizeof request,
			"GET /inline HTTP/1.1\r\n" HOST "Authorization: Bearer guess%d\r\n\r\n", i);
		ask_and_expect(request, 401, "error=\"invalid_token\"");
	}
	ask_and_expect(request, 429, "Retry-After: 6\r\n");
	/* Who has a valid token, or needs none, is not locked out. */
	ask_and_expect(
		"GET /admin HTTP/1.1\r\n" HOST "Authorization: Bearer cw_boss\r\n\r\n", 200, "ok");
	ask_and_expect("GET /inline HTTP/1.1\r\n" HOST "\r\n", 200, "ok");
}

START_TEST(guesses_of_tokens_are_slowed_down)
{
	web_begin(&web, "auth: {anonymous: [read], tokens: [{name: boss, scopes: [admin], sha256: "
			"bee37bb2fa34bd1033d2dccbf71cda8bae65999980f58535e62de0a9937d8e27}]}\n");
	web_run(&web, guessing_client);
}
END_TEST

static void counted_client(struct web *at)
{
	ask_and_expect("GET /fiber/secret-key HTTP/1.1\r\n" HOST "\r\n", 200, "secret-key");
	ask_and_expect("HEAD /fiber/b HTTP/1.1\r\n" HOST "\r\n", 200, "Content-Length: 1");
	ask_and_expect("GET /admin HTTP/1.1\r\n" HOST "\r\n", 401, "unauthorized");
	ask_and_expect("GET /secret-path HTTP/1.1\r\n" HOST "\r\n", 404, "not_found");
	(void)at;
}

START_TEST(requests_are_counted_by_route_and_logged_without_names)
{
	FILE *file = tmpfile();
	char log[4096];
	size_t n;

	web_begin(&web, ANONYMOUS "log: {access: all}\n");
	web_log_to(&web, fileno(file));
	web_run(&web, counted_client);
	ck_assert_ptr_nonnull(
		strstr(web.metrics_text, "{route=\"/fiber/{name}\",code=\"200\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(web.metrics_text, "{route=\"/admin\",code=\"401\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(web.metrics_text, "{route=\"none\",code=\"404\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(web.metrics_text, "http_request_duration_seconds_count 4\n"));
	mem_free(web.metrics_text);
	rewind(file);
	n = fread(log, 1, sizeof log - 1, file);
	log[n] = '\0';
	ck_assert_ptr_nonnull(strstr(log, "http: GET /fiber/{name} 200 "));
	ck_assert_ptr_nonnull(strstr(log, "http: GET (no route) 404 "));
	ck_assert_ptr_nonnull(strstr(log, "127.0.0.1, by anonymous, request "));
	ck_assert_ptr_null(strstr(log, "secret"));
	fclose(file);
}
END_TEST

TEST_SUITE("server", a_connection_carries_many_requests, pipelined_requests_are_answered_in_order,
	a_refused_request_is_the_last_of_its_connection, every_answer_has_its_headers,
	guesses_of_tokens_are_slowed_down, requests_are_counted_by_route_and_logged_without_names)
