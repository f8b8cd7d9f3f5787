/* SPDX-License-Identifier: MIT */
/* A real redis-server that is killed, stopped, full, busy, or wants another password. */
#include "redis/node.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "rig.h"

static void killed_and_back(void)
{
	struct redis_batch *batch = redis_batch_new();
	struct fault fault;

	set("a", "1");
	server_signal(&server, SIGSTOP);
	REDIS_ADD(batch, SLICE("GET"), SLICE("a"));
	ck_assert_int_eq(redis_node_start(node, REDIS_COMMANDS, batch, &fault), OK);
	fiber_sleep(20);
	int64_t began = unit_now_ms();

	server_kill(&server);
	ck_assert_int_eq(
		redis_batch_wait(batch, clock_deadline(3000), &fault), ERR_REDIS_UNKNOWN_OUTCOME);
	ck_assert_soon(began, 100);
	ck_assert_int_eq(redis_node_state(node).status, REDIS_DOWN);
	/* Up, and down. */
	ck_assert_int_eq(state_events, 2);
	redis_batch_free(batch);

	/* Down for long enough to be refused at once. */
	while (redis_node_state(node).breaker != BREAKER_OPEN)
		fiber_sleep(10);
	fiber_sleep(2000);
	began = unit_now_ms();
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("PING")), ERR_REDIS_UNAVAILABLE);
	ck_assert_soon(began, 9);
	ck_assert_double_eq(metric_value(metrics, METRIC_BREAKER_OPEN, NULL, NULL), 1);

	server_restart(&server, NULL, NULL);
	ck_assert_int_le(wait_for_service(10000), 5500);
	ck_assert_int_eq(redis_node_state(node).breaker, BREAKER_CLOSED);
	ck_assert_int_eq(redis_node_state(node).status, REDIS_UP);
	ck_assert_double_eq(metric_value(metrics, METRIC_BREAKER_OPEN, NULL, NULL), 0);
	ck_assert_double_eq(metric_value(metrics, METRIC_REDIS_CONNECTION_FAILURES, NULL, NULL),
		(double)redis_node_state(node).connection_failures);
	ck_assert_int_eq(state_events, 3);
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
	fiber_group_init(&asking, "test", loop);
	for (long i = 0; i < 50; i++)
		fiber_spawn(&asking, "one value", one_value, (void *)i);
	int64_t began = unit_now_ms();

	ck_assert_int_eq(CALL(NULL, &fault, SLICE("GET"), SLICE("k1")), ERR_TIMEOUT);
	ck_assert_soon(began, 400);
	ck_assert_int_eq(fiber_group_join(&asking, DEADLINE_NONE), OK);
	ck_assert_int_eq(redis_node_state(node).breaker, BREAKER_OPEN);
	began = unit_now_ms();
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("GET"), SLICE("k1")), ERR_REDIS_UNAVAILABLE);
	ck_assert_soon(began, 9);
	server_signal(&server, SIGCONT);
	ck_assert_int_le(wait_for_service(10000), 5500);
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
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("GET"), SLICE("a")), OK);
	ck_assert_int_eq(redis_node_state(node).status, REDIS_UP);
}

START_TEST(a_full_server_refuses_writes_and_still_deletes)
{
	begin("--maxmemory", "1");
	run(full_server);
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
	redis_node_unref(other);
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

/* The connection is not there yet, so that both commands wait in its queue. */
static void abandoned(void)
{
	struct redis_batch *left = redis_batch_new(), *kept = redis_batch_new();
	struct redis_value *count = NULL;
	struct fault fault;

	REDIS_ADD(left, SLICE("SET"), SLICE("left"), SLICE("1"));
	REDIS_ADD(kept, SLICE("SET"), SLICE("kept"), SLICE("1"));
	ck_assert_int_eq(redis_node_start(node, REDIS_COMMANDS, left, &fault), OK);
	ck_assert_int_eq(redis_node_start(node, REDIS_COMMANDS, kept, &fault), OK);
	redis_batch_free(left);
	ck_assert_int_eq(redis_batch_wait(kept, clock_deadline(10000), &fault), OK);
	redis_batch_free(kept);
	ck_assert_int_eq(CALL(&count, &fault, SLICE("EXISTS"), SLICE("left"), SLICE("kept")), OK);
	ck_assert_int_eq(count->integer, 1);
	redis_value_free(count);
}

START_TEST(a_command_given_up_before_it_was_sent_is_never_sent)
{
	begin(NULL, NULL);
	run(abandoned);
}
END_TEST

static void wrong_password(void)
{
	struct fault fault;
	int64_t began = unit_now_ms();

	ck_assert_int_eq(CALL(NULL, &fault, SLICE("PING")), ERR_REDIS_AUTH);
	ck_assert_soon(began, 200);
	fiber_sleep(300);
	began = unit_now_ms();
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("PING")), ERR_REDIS_AUTH);
	ck_assert_soon(began, 9);
	/* One attempt of each connection: nobody hammers. */
	ck_assert_int_eq(redis_node_state(node).connection_failures, REDIS_CONNECTIONS);
	conf.password = "right";
	store_reconfigure(store, &conf);
	ck_assert_int_le(wait_for_service(1000), 200);
}

START_TEST(a_wrong_password_is_reported_and_a_right_one_used)
{
	begin("--requirepass", "right");
	conf.password = "wrong";
	run(wrong_password);
}
END_TEST

START_TEST(a_missing_password_is_reported)
{
	begin("--requirepass", "right");
	run(wrong_password);
}
END_TEST

static void spin(void *argument)
{
	struct redis_call call = {.priority = REDIS_BULK};

	(void)argument;
	ck_assert_int_ne(
		store_call(store, call, SLICE(""), 3,
			(struct slice[]){SLICE("EVAL"), SLICE("while true do end"), SLICE("0")},
			NULL, NULL),
		OK);
}

static void busy_server(void)
{
	struct redis_value *value = NULL;
	struct fiber_group spinning;
	struct fault fault;

	set("a", "1");
	fiber_group_init(&spinning, "test", loop);
	fiber_spawn(&spinning, "spin", spin, NULL);
	fiber_sleep(300);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(CALL(NULL, &fault, SLICE("GET"), SLICE("a")), ERR_REDIS_BUSY);
	ck_assert_int_eq(redis_node_state(node).status, REDIS_IS_BUSY);
	ck_assert_int_eq(redis_node_state(node).connection_failures, 0);
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("SCRIPT"), SLICE("KILL")), OK);
	ck_assert_int_eq(fiber_group_join(&spinning, clock_deadline(20000)), OK);
	int64_t began = unit_now_ms();

	while (redis_node_state(node).status != REDIS_UP && clock_mono_ms() - began < 10000)
		fiber_sleep(5);
	ck_assert_soon(began, 1000);
	ck_assert_int_eq(CALL(&value, &fault, SLICE("GET"), SLICE("a")), OK);
	redis_value_free(value);
}

START_TEST(a_busy_script_is_reported_and_outlasted)
{
	begin("--busy-reply-threshold", "100");
	run(busy_server);
}
END_TEST

START_TEST(a_busy_script_is_reported_and_outlasted_with_a_database_to_select)
{
	begin("--busy-reply-threshold", "100");
	conf.database = 1;
	run(busy_server);
}
END_TEST

static void absent_at_start(void)
{
	struct fault fault;
	int64_t began = unit_now_ms();

	ck_assert_int_eq(CALL(NULL, &fault, SLICE("PING")), ERR_REDIS_UNAVAILABLE);
	ck_assert_soon(began, 600);
	fiber_sleep(1000);
	server_restart(&server, NULL, NULL);
	ck_assert_int_le(wait_for_service(10000), 5500);
}

START_TEST(a_server_that_comes_later_is_found)
{
	begin(NULL, NULL);
	server_kill(&server);
	run(absent_at_start);
}
END_TEST

static void without_primary(void)
{
	struct redis_value *value = NULL;
	struct fault fault;
	int64_t began;

	ck_assert_int_eq(
		CALL(NULL, &fault, SLICE("REPLICAOF"), SLICE("127.0.0.1"), SLICE("1")), OK);
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("GET"), SLICE("a")), ERR_REDIS_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(fault.detail, "MASTERDOWN"));
	ck_assert_int_eq(redis_node_state(node).status, REDIS_DOWN);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(CALL(&value, &fault, SLICE("INFO")), OK);
		redis_node_observe(node, value);
		redis_value_free(value);
		ck_assert_int_eq(redis_node_state(node).status, REDIS_DOWN);
		fiber_sleep(60);
	}
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("REPLICAOF"), SLICE("NO"), SLICE("ONE")), OK);
	began = unit_now_ms();
	while (redis_node_state(node).status != REDIS_UP && clock_mono_ms() - began < 10000)
		fiber_sleep(5);
	ck_assert_soon(began, 1000);
	ck_assert_int_eq(redis_node_state(node).connection_failures, 0);
}

START_TEST(a_replica_without_its_primary_keeps_its_connection)
{
	begin("--replica-serve-stale-data", "no");
	run(without_primary);
}
END_TEST

TEST_SUITE("node_fault", a_command_given_up_before_it_was_sent_is_never_sent,
	a_replica_without_its_primary_keeps_its_connection,
	a_killed_server_is_noticed_at_once_and_found_again_within_a_second,
	late_replies_of_a_hanging_server_never_meet_new_commands,
	a_full_server_refuses_writes_and_still_deletes, a_node_is_freed_with_batches_in_flight,
	a_wrong_password_is_reported_and_a_right_one_used, a_missing_password_is_reported,
	a_busy_script_is_reported_and_outlasted,
	a_busy_script_is_reported_and_outlasted_with_a_database_to_select,
	a_server_that_comes_later_is_found)
