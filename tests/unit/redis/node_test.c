/* SPDX-License-Identifier: MIT */
/* Against a real redis-server: what no fake would tell. */
#include "redis/node.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"
#include "redis/store.h"
#include "server.h"

static struct loop *loop;
static struct fiber_group group;
static struct server server;
static struct conf_redis conf;
static struct redis_store *store;
static struct redis_node *node;

static void begin(const char *option, const char *value)
{
	server_start(&server, option, value);
	conf = server_conf(&server);
	loop = loop_new();
	fiber_group_init(&group, loop);
}

static void open_store(void)
{
	struct redis_node_options options = {.loop = loop, .conf = &conf};

	store = redis_store_new(&options);
	node = redis_store_node(store, SLICE(""));
}

static void script(void *argument)
{
	void (*function)(void) = *(void (**)(void))argument;

	function();
	redis_store_free(store);
	store = NULL;
	loop_stop(loop);
}

/* Runs `function` in a fiber with a store, then takes everything down. */
static void run(void (*function)(void))
{
	open_store();
	fiber_spawn(&group, "script", script, &function);
	loop_run(loop);
	ck_assert_uint_eq(group.count, 0);
	loop_free(loop);
	server_end(&server);
}

#define CALL(ret, fault, ...) redis_store_command(store, SLICE(""), ret, fault, __VA_ARGS__)

static void set(const char *key, const char *value)
{
	struct fault fault;

	ck_assert_msg(CALL(NULL, &fault, SLICE("SET"), slice_str(key), slice_str(value)) == OK,
		"%s", fault.detail);
}

/* Until commands work; how long that took. */
static int64_t wait_for_service(int64_t most_ms)
{
	int64_t began = clock_mono_ms();

	while (CALL(NULL, NULL, SLICE("PING")) != OK) {
		ck_assert_int_lt(clock_mono_ms() - began, most_ms);
		fiber_sleep(5);
	}
	return clock_mono_ms() - began;
}

static void basics(void)
{
	struct redis_value *value = NULL;
	struct fault fault;

	set("greeting", "hello");
	ck_assert_int_eq(CALL(&value, &fault, SLICE("GET"), SLICE("greeting")), OK);
	ck_assert_int_eq(value->type, REDIS_STRING);
	ck_assert(slice_is(value->text, "hello"));
	redis_value_free(value);
	ck_assert_int_eq(CALL(&value, &fault, SLICE("GET"), SLICE("absent")), OK);
	ck_assert_int_eq(value->type, REDIS_NIL);
	redis_value_free(value);
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("INCR"), SLICE("greeting")), ERR_REDIS_ERROR);
	ck_assert_ptr_nonnull(strstr(fault.detail, "not an integer"));
	ck_assert_int_eq(redis_node_state(node).status, REDIS_UP);
	ck_assert_int_eq(CALL(&value, &fault, SLICE("CLIENT"), SLICE("GETNAME")), OK);
	ck_assert(slice_is(value->text, "cachewarden"));
	redis_value_free(value);
}

START_TEST(commands_come_back_with_their_replies)
{
	begin(NULL, NULL);
	run(basics);
}
END_TEST

enum { callers = 200, calls_each = 100 };

static void caller(void *argument)
{
	char key[32];
	long me = (long)argument;

	snprintf(key, sizeof key, "caller:%ld", me);
	for (int i = 0; i < calls_each; i++) {
		struct redis_value *value = NULL;
		char text[32];

		snprintf(text, sizeof text, "%ld:%d", me, i);
		set(key, text);
		ck_assert_int_eq(CALL(&value, NULL, SLICE("GET"), slice_str(key)), OK);
		ck_assert(slice_is(value->text, text));
		redis_value_free(value);
	}
}

static void many_callers(void)
{
	struct fiber_group callers_group;

	fiber_group_init(&callers_group, loop);
	for (long i = 0; i < callers; i++)
		fiber_spawn(&callers_group, "caller", caller, (void *)i);
	ck_assert_int_eq(fiber_group_join(&callers_group, DEADLINE_NONE), OK);
}

START_TEST(twenty_thousand_calls_over_200_fibers_find_their_own_replies)
{
	begin(NULL, NULL);
	run(many_callers);
}
END_TEST

static void killed_and_back(void)
{
	struct redis_batch *batch = redis_batch_new();
	struct fault fault;

	set("a", "1");
	server_signal(&server, SIGSTOP);
	REDIS_ADD(batch, SLICE("GET"), SLICE("a"));
	ck_assert_int_eq(redis_node_start(node, REDIS_COMMANDS, batch, &fault), OK);
	fiber_sleep(20);
	int64_t began = clock_mono_ms();

	server_kill(&server);
	ck_assert_int_eq(
		redis_batch_wait(batch, clock_deadline(3000), &fault), ERR_REDIS_UNKNOWN_OUTCOME);
	ck_assert_int_le(clock_mono_ms() - began, 100);
	ck_assert_int_eq(redis_node_state(node).status, REDIS_DOWN);
	redis_batch_free(batch);

	/* Down for long enough to be refused at once. */
	while (redis_node_state(node).breaker != BREAKER_OPEN)
		fiber_sleep(10);
	fiber_sleep(2000);
	began = clock_mono_ms();
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("PING")), ERR_REDIS_UNAVAILABLE);
	ck_assert_int_le(clock_mono_ms() - began, 9);

	server_restart(&server, NULL, NULL);
	ck_assert_int_le(wait_for_service(2000), 1000);
	ck_assert_int_eq(redis_node_state(node).breaker, BREAKER_CLOSED);
	ck_assert_int_eq(redis_node_state(node).status, REDIS_UP);
	ck_assert_int_gt(redis_node_state(node).connection_failures, 0);
}

START_TEST(a_killed_server_is_noticed_at_once_and_found_again_within_a_second)
{
	begin(NULL, NULL);
	run(killed_and_back);
}
END_TEST

static void check_value_of(int i)
{
	struct redis_value *value = NULL;
	char key[16];

	snprintf(key, sizeof key, "k%d", i);
	enum error error = CALL(&value, NULL, SLICE("GET"), slice_str(key));

	if (error)
		return;
	ck_assert(slice_is(value->text, key));
	redis_value_free(value);
}

static void one_value(void *argument)
{
	check_value_of((int)(long)argument);
}

static void stopped_and_back(void)
{
	struct fiber_group asking;
	struct fault fault;

	for (int i = 0; i < 50; i++) {
		char key[16];

		snprintf(key, sizeof key, "k%d", i);
		set(key, key);
	}
	server_signal(&server, SIGSTOP);
	fiber_group_init(&asking, loop);
	for (long i = 0; i < 50; i++)
		fiber_spawn(&asking, "one value", one_value, (void *)i);
	int64_t began = clock_mono_ms();

	ck_assert_int_eq(CALL(NULL, &fault, SLICE("GET"), SLICE("k1")), ERR_TIMEOUT);
	ck_assert_int_le(clock_mono_ms() - began, 400);
	ck_assert_int_eq(fiber_group_join(&asking, DEADLINE_NONE), OK);
	ck_assert_int_eq(redis_node_state(node).breaker, BREAKER_OPEN);
	began = clock_mono_ms();
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("GET"), SLICE("k1")), ERR_REDIS_UNAVAILABLE);
	ck_assert_int_le(clock_mono_ms() - began, 9);
	server_signal(&server, SIGCONT);
	ck_assert_int_le(wait_for_service(2000), 1000);
	for (int round = 0; round < 20; round++)
		for (int i = 0; i < 50; i++)
			check_value_of(i);
}

START_TEST(late_replies_of_a_hanging_server_never_meet_new_commands)
{
	begin(NULL, NULL);
	conf.command_timeout_ms = 300;
	run(stopped_and_back);
}
END_TEST

static void full_server(void)
{
	struct fault fault;

	ck_assert_int_eq(CALL(NULL, &fault, SLICE("SET"), SLICE("a"), SLICE("1")), ERR_REDIS_OOM);
	ck_assert_ptr_nonnull(strstr(fault.detail, "OOM command not allowed"));
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("UNLINK"), SLICE("a")), OK);
	ck_assert_int_eq(redis_node_state(node).status, REDIS_UP);
}

START_TEST(a_full_server_says_so_and_still_deletes)
{
	begin("--maxmemory", "1");
	run(full_server);
}
END_TEST

static void blocked(void *argument)
{
	enum error *ret = argument;
	struct redis_call call = {.role = REDIS_BULK, .deadline = DEADLINE_NONE};

	*ret = redis_store_call(store, call, SLICE(""), 3,
		(struct slice[]){SLICE("BLPOP"), SLICE("queue"), SLICE("0.3")}, NULL, NULL);
}

static void cancelled_waiter(void)
{
	struct fiber_group waiters;
	enum error error = OK;

	set("a", "1");
	fiber_group_init(&waiters, loop);
	fiber_spawn(&waiters, "blocked", blocked, &error);
	fiber_sleep(50);
	fiber_group_cancel(&waiters);
	ck_assert_int_eq(fiber_group_join(&waiters, clock_deadline(1000)), OK);
	ck_assert_int_eq(error, ERR_CANCELLED);
	/* The late reply goes nowhere; the connection lives on. */
	fiber_sleep(400);
	ck_assert_int_eq(redis_node_state(node).connection_failures, 0);
	struct redis_call call = {.role = REDIS_BULK};
	struct redis_value *value = NULL;

	ck_assert_int_eq(redis_store_call(store, call, SLICE(""), 2,
				 (struct slice[]){SLICE("GET"), SLICE("a")}, &value, NULL),
		OK);
	ck_assert(slice_is(value->text, "1"));
	redis_value_free(value);
}

START_TEST(a_cancelled_fiber_leaves_its_reply_behind)
{
	begin(NULL, NULL);
	run(cancelled_waiter);
}
END_TEST

static void freed_in_flight(void)
{
	struct redis_batch *kept = redis_batch_new(), *freed = redis_batch_new();
	struct redis_batch *early = redis_batch_new();
	struct redis_node_options options = {.loop = loop, .conf = &conf};
	struct redis_node *other = redis_node_new(&options);
	struct fault fault;

	REDIS_ADD(early, SLICE("PING"));
	ck_assert_int_eq(redis_node_start(other, REDIS_BULK, early, &fault), OK);
	REDIS_ADD(kept, SLICE("PING"));
	ck_assert_int_eq(redis_node_run(other, REDIS_COMMANDS, kept, DEADLINE_NONE, &fault), OK);
	redis_batch_clear(kept);
	server_signal(&server, SIGSTOP);
	REDIS_ADD(kept, SLICE("PING"));
	REDIS_ADD(freed, SLICE("PING"));
	ck_assert_int_eq(redis_node_start(other, REDIS_COMMANDS, freed, &fault), OK);
	ck_assert_int_eq(redis_node_start(other, REDIS_COMMANDS, kept, &fault), OK);
	redis_batch_free(freed);
	redis_node_free(other);
	ck_assert_int_eq(redis_batch_wait(kept, DEADLINE_NONE, &fault), ERR_STOPPING);
	ck_assert_ptr_null(redis_batch_reply(kept, 0));
	redis_batch_free(kept);
	redis_batch_free(early);
	server_signal(&server, SIGCONT);
}

START_TEST(a_node_is_freed_with_batches_in_flight)
{
	begin(NULL, NULL);
	run(freed_in_flight);
}
END_TEST

TEST_SUITE("node", commands_come_back_with_their_replies,
	twenty_thousand_calls_over_200_fibers_find_their_own_replies,
	a_killed_server_is_noticed_at_once_and_found_again_within_a_second,
	late_replies_of_a_hanging_server_never_meet_new_commands,
	a_full_server_says_so_and_still_deletes, a_cancelled_fiber_leaves_its_reply_behind,
	a_node_is_freed_with_batches_in_flight)
