/* SPDX-License-Identifier: MIT */
/* How a connection begins: its server's name, the addresses behind it. */
#include <string.h>

#include "../unit.h"
#include "names.h"
#include "redis/store.h"

static struct loop *loop;
static struct fiber_group group;
static struct redis_store *store;

static void script(void *argument)
{
	void (*function)(void) = *(void (**)(void))argument;

	function();
	redis_store_free(store);
	loop_stop(loop);
}

static void run(struct conf_redis conf, void (*function)(void))
{
	conf.connect_timeout_ms = 300;
	conf.command_timeout_ms = 2000;
	conf.breaker_failures = 1000;
	conf.breaker_probe_every_ms = 100;
	struct redis_node_options options = {.loop = loop = loop_new(), .conf = &conf};

	fiber_group_init(&group, "test", loop);
	store = redis_store_new(&options);
	fiber_spawn(&group, "script", script, &function);
	loop_run(loop);
	loop_free(loop);
}

static struct redis_state state(void)
{
	return redis_store_state(store);
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

START_TEST(a_name_without_an_answer_has_a_deadline)
{
	named(unresolved);
}
END_TEST

static void unknown(void)
{
	while (names_asked < 1)
		fiber_sleep(1);
	names_answer(UV_EAI_NONAME, 0, "1");
	await_detail("unknown node or service");
}

START_TEST(an_unknown_name_is_said)
{
	named(unknown);
}
END_TEST

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

START_TEST(the_last_addresses_serve_while_names_are_not_resolved)
{
	named(outage);
}
END_TEST

static void long_path(void)
{
	await_detail("at most 107 bytes");
}

START_TEST(a_path_that_no_socket_can_have_is_said)
{
	char path[200];

	memset(path, 'a', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	run((struct conf_redis){.kind = REDIS_URL_UNIX, .path = path}, long_path);
}
END_TEST

TEST_SUITE("conn_start", a_name_without_an_answer_has_a_deadline, an_unknown_name_is_said,
	the_last_addresses_serve_while_names_are_not_resolved,
	a_path_that_no_socket_can_have_is_said)
