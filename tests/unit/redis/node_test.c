/* SPDX-License-Identifier: MIT */
/* Against a real redis-server: what no fake would tell. */
#include "redis/node.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"
#include "redis/info.h"
#include "rig.h"

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

START_TEST(each_command_gets_its_reply)
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

	fiber_group_init(&callers_group, "test", loop);
	for (long i = 0; i < callers; i++)
		fiber_spawn(&callers_group, "caller", caller, (void *)i);
	ck_assert_int_eq(fiber_group_join(&callers_group, DEADLINE_NONE), OK);
}

START_TEST(twenty_thousand_calls_of_200_fibers_get_their_own_replies)
{
	begin(NULL, NULL);
	run(many_callers);
}
END_TEST

static void blocked(void *argument)
{
	enum error *ret = argument;
	struct redis_call call = {.priority = REDIS_BULK, .deadline = DEADLINE_NONE};

	*ret = store_call(store, call, SLICE(""), 3,
		(struct slice[]){SLICE("BLPOP"), SLICE("queue"), SLICE("0.3")}, NULL, NULL);
}

static void cancelled_waiter(void)
{
	struct fiber_group waiters;
	enum error error = OK;

	set("a", "1");
	fiber_group_init(&waiters, "test", loop);
	fiber_spawn(&waiters, "blocked", blocked, &error);
	fiber_sleep(50);
	fiber_group_cancel(&waiters);
	ck_assert_int_eq(fiber_group_join(&waiters, clock_deadline(20000)), OK);
	ck_assert_int_eq(error, ERR_CANCELLED);
	/* The late reply goes nowhere; the connection lives on. */
	fiber_sleep(400);
	ck_assert_int_eq(redis_node_state(node).connection_failures, 0);
	struct redis_call call = {.priority = REDIS_BULK};
	struct redis_value *value = NULL;

	ck_assert_int_eq(store_call(store, call, SLICE(""), 2,
				 (struct slice[]){SLICE("GET"), SLICE("a")}, &value, NULL),
		OK);
	ck_assert(slice_is(value->text, "1"));
	redis_value_free(value);
}

START_TEST(the_reply_of_a_cancelled_fiber_is_dropped)
{
	begin(NULL, NULL);
	run(cancelled_waiter);
}
END_TEST

static void in_database_3(void)
{
	struct redis_value *value = NULL;

	set("a", "1");
	ck_assert_int_eq(CALL(&value, NULL, SLICE("CLIENT"), SLICE("INFO")), OK);
	ck_assert_ptr_nonnull(strstr(value->text.p, " db=3 "));
	ck_assert_ptr_nonnull(strstr(value->text.p, " user=default "));
	redis_value_free(value);
}

START_TEST(the_database_and_the_user_are_selected)
{
	begin("--requirepass", "right");
	conf.username = "default";
	conf.password = "right";
	conf.database = 3;
	run(in_database_3);
}
END_TEST

static void large_reply(void)
{
	struct redis_value *value = NULL;
	struct fault fault;

	set("a", "1");
	ck_assert_int_eq(
		CALL(NULL, &fault, SLICE("SETRANGE"), SLICE("big"), SLICE("80000000"), SLICE("x")),
		OK);
	ck_assert_int_eq(CALL(&value, &fault, SLICE("GET"), SLICE("big")), ERR_REPLY_TOO_LARGE);
	ck_assert_int_eq(CALL(&value, &fault, SLICE("GETRANGE"), SLICE("big"), SLICE("0"),
				 SLICE("59999999")),
		OK);
	ck_assert_uint_eq(value->text.n, 60000000);
	redis_value_free(value);
	ck_assert_int_eq(CALL(&value, &fault, SLICE("GET"), SLICE("a")), OK);
	ck_assert(slice_is(value->text, "1"));
	redis_value_free(value);
	ck_assert_int_eq(redis_node_state(node).connection_failures, 0);
}

START_TEST(a_reply_past_the_cap_fails_its_own_command_only)
{
	begin(NULL, NULL);
	conf.command_timeout_ms = 60000;
	run(large_reply);
}
END_TEST

static void large_request(void)
{
	struct redis_batch *batch = redis_batch_new();
	size_t n = 20 << 20;
	char *big = mem_zalloc(n);
	struct fault fault;

	/* More than a socket takes at once, while more comes behind it. */
	REDIS_ADD(batch, SLICE("SET"), SLICE("big"), slice_of(big, n));
	REDIS_ADD(batch, SLICE("STRLEN"), SLICE("big"));
	ck_assert_int_eq(redis_node_start(node, REDIS_COMMANDS, batch, &fault), OK);
	fiber_yield();
	set("a", "1");
	ck_assert_int_eq(redis_batch_wait(batch, DEADLINE_NONE, &fault), OK);
	ck_assert_int_eq(redis_batch_reply(batch, 1)->integer, (int64_t)n);
	redis_batch_free(batch);
	mem_free(big);
}

START_TEST(a_large_request_is_written_in_pieces)
{
	begin(NULL, NULL);
	conf.command_timeout_ms = 60000;
	run(large_request);
}
END_TEST

static void server_counters(int64_t *hits, int64_t *misses)
{
	struct redis_value *value = NULL;
	struct redis_info info;

	ck_assert_int_eq(CALL(&value, NULL, SLICE("INFO")), OK);
	redis_info_parse(value->text, 0, &info);
	redis_node_observe(node, value);
	*hits = info.hits;
	*misses = info.misses;
	redis_info_release(&info);
	redis_value_free(value);
}

static void own_lookups(void)
{
	static const char *const lines[] = {"GET s", "GET no", "GET h", "MGET s no s", "STRLEN s",
		"STRLEN no", "GETRANGE s 0 1", "GETRANGE no 0 1", "EXISTS s no h no", "TYPE s",
		"TYPE no", "PTTL s", "PTTL no", "LLEN no", "HGET h f", "HGETALL h", "HGETALL no",
		"SMEMBERS set", "SMEMBERS no", "ZRANGE z 0 -1", "ZRANGE no 0 -1", "XRANGE x - +",
		"XREVRANGE no + -", "MEMORY USAGE s", "DEL nothing", "SCAN 0"};
	int64_t hits, misses;

	set("s", "abc");
	ck_assert_int_eq(CALL(NULL, NULL, SLICE("HSET"), SLICE("h"), SLICE("f"), SLICE("v")), OK);
	ck_assert_int_eq(CALL(NULL, NULL, SLICE("SADD"), SLICE("set"), SLICE("m")), OK);
	ck_assert_int_eq(CALL(NULL, NULL, SLICE("ZADD"), SLICE("z"), SLICE("1"), SLICE("m")), OK);
	ck_assert_int_eq(
		CALL(NULL, NULL, SLICE("XADD"), SLICE("x"), SLICE("*"), SLICE("f"), SLICE("v")),
		OK);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct slice argv[6];
		size_t argc = 0;
		char *copy = mem_strdup(lines[i]), *rest = copy, *word;

		while ((word = strsep(&rest, " ")))
			argv[argc++] = slice_str(word);
		store_call(store, (struct redis_call){0}, argv[1], argc, argv, NULL, NULL);
		mem_free(copy);
		server_counters(&hits, &misses);
		struct redis_state state = redis_node_state(node);

		ck_assert_msg(state.own.hits == hits && state.own.misses == misses,
			"%s: %lld/%lld, the server %lld/%lld", lines[i], (long long)state.own.hits,
			(long long)state.own.misses, (long long)hits, (long long)misses);
	}
}

static void own_lookups_in_transactions(void)
{
	int64_t hits, misses;
	struct redis_batch *batch = redis_batch_new();
	struct fault fault;

	set("a", "1");
	REDIS_ADD(batch, SLICE("GET"), SLICE("a"));
	REDIS_ADD(batch, SLICE("MULTI"));
	REDIS_ADD(batch, SLICE("EXISTS"), SLICE("a"), SLICE("b"));
	REDIS_ADD(batch, SLICE("SET"), SLICE("c"), SLICE("1"));
	REDIS_ADD(batch, SLICE("GET"), SLICE("none"));
	REDIS_ADD(batch, SLICE("EXEC"));
	REDIS_ADD(batch, SLICE("EXISTS"), SLICE("c"));
	/* One that Redis drops: nothing of it is looked up. */
	REDIS_ADD(batch, SLICE("MULTI"));
	REDIS_ADD(batch, SLICE("GET"), SLICE("a"));
	REDIS_ADD(batch, SLICE("GET"));
	REDIS_ADD(batch, SLICE("EXEC"));
	ck_assert_int_eq(
		redis_node_run(node, REDIS_COMMANDS, batch, clock_deadline(20000), &fault), OK);
	redis_batch_free(batch);
	server_counters(&hits, &misses);
	struct redis_state state = redis_node_state(node);
	ck_assert_int_eq(state.own.hits, 3);
	ck_assert_int_eq(state.own.misses, 2);
	ck_assert_int_eq(hits, 3);
	ck_assert_int_eq(misses, 2);
}

START_TEST(lookups_in_a_transaction_are_counted_too)
{
	begin(NULL, NULL);
	run(own_lookups_in_transactions);
}
END_TEST

START_TEST(our_own_lookups_are_counted_as_the_server_counts_them)
{
	begin(NULL, NULL);
	run(own_lookups);
}
END_TEST

static void too_much(void)
{
	struct redis_batch *batches[1536];
	struct redis_batch *one_more = redis_batch_new();
	struct fault fault;

	set("a", "1");
	server_signal(&server, SIGSTOP);
	for (int i = 0; i < 1536; i++) {
		batches[i] = redis_batch_new();
		REDIS_ADD(batches[i], SLICE("PING"));
		ck_assert_int_eq(redis_node_start(node, REDIS_COMMANDS, batches[i], &fault), OK);
	}
	REDIS_ADD(one_more, SLICE("PING"));
	ck_assert_int_eq(redis_node_start(node, REDIS_COMMANDS, one_more, &fault), ERR_OVERLOADED);
	/* Bulk work has its own queue. */
	ck_assert_int_eq(redis_node_start(node, REDIS_BULK, one_more, &fault), OK);
	server_signal(&server, SIGCONT);
	for (int i = 0; i < 1536; i++) {
		ck_assert_int_eq(redis_batch_wait(batches[i], DEADLINE_NONE, &fault), OK);
		redis_batch_free(batches[i]);
	}
	ck_assert_int_eq(redis_batch_wait(one_more, DEADLINE_NONE, &fault), OK);
	redis_batch_free(one_more);
}

START_TEST(a_full_queue_refuses_commands)
{
	begin(NULL, NULL);
	run(too_much);
}
END_TEST

START_TEST(a_server_is_reached_over_tcp_by_name)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char port[8];

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	close(fd);
	snprintf(port, sizeof port, "%u", ntohs(address.sin_port));
	begin("--port", port);
	conf.kind = REDIS_URL_TCP;
	conf.host = "localhost";
	conf.port = ntohs(address.sin_port);
	run(basics);
}
END_TEST

TEST_SUITE("node", each_command_gets_its_reply,
	twenty_thousand_calls_of_200_fibers_get_their_own_replies,
	the_reply_of_a_cancelled_fiber_is_dropped, the_database_and_the_user_are_selected,
	a_reply_past_the_cap_fails_its_own_command_only, a_large_request_is_written_in_pieces,
	our_own_lookups_are_counted_as_the_server_counts_them,
	lookups_in_a_transaction_are_counted_too, a_full_queue_refuses_commands,
	a_server_is_reached_over_tcp_by_name)
