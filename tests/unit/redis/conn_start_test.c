/* SPDX-License-Identifier: MIT */
/* How a connection begins: its server's name, the addresses behind it. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit.h"
#include "fake.h"
#include "names.h"
#include "redis/conn.h"
#include "store/store.h"

static struct loop *loop;
static struct fiber_group group;
static struct store *store;

static void script(void *argument)
{
	void (*function)(void) = *(void (**)(void))argument;

	function();
	store_free(store);
	loop_stop(loop);
}

static void run(struct conf_redis conf, void (*function)(void))
{
	conf.connect_timeout_ms = conf.connect_timeout_ms ? conf.connect_timeout_ms : 300;
	conf.command_timeout_ms = 2000;
	conf.breaker_failures = 1000;
	conf.breaker_probe_every_ms = 100;
	struct redis_node_options options = {.loop = loop = loop_new(), .conf = &conf};

	fiber_group_init(&group, "test", loop);
	store = store_new(&options);
	fiber_spawn(&group, "script", script, &function);
	loop_run(loop);
	loop_free(loop);
}

static struct redis_state state(void)
{
	return store_state(store);
}

static void await_detail(const char *text)
{
	for (int i = 0; i < 2000 && !strstr(state().last_error.detail, text); i++)
		fiber_sleep(10);
	ck_assert_msg(
		strstr(state().last_error.detail, text) != NULL, "%s", state().last_error.detail);
}

static void named(void (*function)(void))
{
	names_begin();
	run((struct conf_redis){.kind = REDIS_URL_TCP, .host = (char[]){"redis.test"}, .port = 1},
		function);
	/* What was still out is answered after the end, as a thread pool would. */
	names_answer(0, 1, "1");
}

static void unresolved(void)
{
	await_detail("its host name was not resolved in time");
	/* Late: the connection waits for its next attempt. */
	names_answer(0, 1, "1");
	await_detail("connection refused");
}

TEST_CALL(a_name_without_an_answer_has_a_deadline, named(unresolved))

static void unknown(void)
{
	while (names_asked < 1)
		fiber_sleep(1);
	names_answer(UV_EAI_NONAME, 0, "1");
	await_detail("unknown node or service");
}

TEST_CALL(an_unknown_name_is_reported, named(unknown))

static void outage(void)
{
	while (names_asked < 1)
		fiber_sleep(1);
	names_answer(0, 3, "1");
	await_detail("connection refused");
	unsigned long before = (unsigned long)state().connection_failures;

	/* The next questions have no answer: after 200 ms the known addresses serve. */
	for (int i = 0; i < 2000 && (unsigned long)state().connection_failures < before + 4; i++)
		fiber_sleep(10);
	await_detail("connection refused");
	ck_assert_uint_ge((unsigned long)state().connection_failures, before + 4);
}

TEST_CALL(the_last_addresses_serve_while_names_are_not_resolved, named(outage))

static void long_path(void)
{
	await_detail("at most 107 bytes");
}

START_TEST(a_path_that_no_socket_can_have_is_reported)
{
	char path[200];

	memset(path, 'a', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	run((struct conf_redis){.kind = REDIS_URL_UNIX, .path = path}, long_path);
}
END_TEST

static void short_outage(void)
{
	while (names_asked < 1)
		fiber_sleep(1);
	names_answer(0, 1, "1");
	await_detail("connection refused");
	/* No time for patience: the next attempt ends with the question. */
	uint64_t before = (uint64_t)state().connection_failures;

	for (int i = 0; i < 2000 && (uint64_t)state().connection_failures < before + 4; i++)
		fiber_sleep(10);
	ck_assert_uint_ge((uint64_t)state().connection_failures, before + 4);
}

START_TEST(a_short_deadline_ends_name_resolution)
{
	names_begin();
	run((struct conf_redis){.kind = REDIS_URL_TCP,
		    .host = (char[]){"redis.test"},
		    .port = 1,
		    .connect_timeout_ms = 100},
		short_outage);
	names_answer(0, 1, "1");
}
END_TEST

static void impossible(void)
{
	while (names_asked < 1)
		fiber_sleep(1);
	names_answer(0, 2, NULL);
	await_detail("cannot be reached: invalid argument");
}

START_TEST(addresses_that_refuse_connections_are_passed_over)
{
	named(impossible);
	conn_free(NULL, NULL);
}
END_TEST

static char crowded_port[8];

static void crowded(void)
{
	while (names_asked < 1)
		fiber_sleep(1);
	names_answer(0, 1, crowded_port);
	await_detail("the connection timed out");
}

/* A listener whose queue is full: what wants in hears nothing. */
START_TEST(connecting_ends_at_a_deadline)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t n = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0), waiting[4];

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &n), 0);
	snprintf(crowded_port, sizeof crowded_port, "%u", ntohs(at.sin_port));
	for (int i = 0; i < 4; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(waiting[i], (struct sockaddr *)&at, sizeof at);
	}
	named(crowded);
	for (int i = 0; i < 4; i++)
		close(waiting[i]);
	close(listener);
}
END_TEST

/* A proxy that knows no PING: it is not stormed. */
static void serve_refusal(int fd, int number)
{
	static const char text[] = "+OK\r\n-ERR no such backend\r\n";

	(void)number;
	if (fake_await(fd, "PING\r\n"))
		fake_say(fd, text, sizeof text - 1);
	fake_await(fd, "nothing");
}

static void refused(void)
{
	await_detail("no such backend");
	ck_assert_int_eq(state().status, REDIS_DOWN);
}

START_TEST(an_error_instead_of_pong_is_reported)
{
	struct fake fake;

	fake_start(&fake, serve_refusal);
	run((struct conf_redis){.kind = REDIS_URL_UNIX, .path = fake.socket}, refused);
	fake_end(&fake);
}
END_TEST

TEST_SUITE("conn_start", a_name_without_an_answer_has_a_deadline, an_unknown_name_is_reported,
	the_last_addresses_serve_while_names_are_not_resolved,
	a_path_that_no_socket_can_have_is_reported, a_short_deadline_ends_name_resolution,
	addresses_that_refuse_connections_are_passed_over, connecting_ends_at_a_deadline,
	an_error_instead_of_pong_is_reported)
