/* SPDX-License-Identifier: MIT */
/* Servers that are no good Redis: each command gets one honest answer, and the node lives on. */
#include "redis/conn.h"

#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"
#include "fake.h"
#include "store/store.h"

static struct loop *loop;
static struct fiber_group group;
static struct fake fake;
static struct store *store;

#define CALL(ret, fault, ...) store_command(store, SLICE(""), ret, fault, __VA_ARGS__)

static void script(void *argument)
{
	void (*function)(void) = *(void (**)(void))argument;

	function();
	store_free(store);
	loop_stop(loop);
}

static void run_for(int64_t timeout_ms, fake_serve *serve, void (*function)(void))
{
	fake_start(&fake, serve);
	struct conf_redis conf = {
		.kind = REDIS_URL_UNIX,
		.path = fake.socket,
		.connect_timeout_ms = timeout_ms,
		.command_timeout_ms = timeout_ms,
		.breaker_failures = 5,
		.breaker_probe_every_ms = 1000,
	};
	struct redis_node_options options = {.loop = loop = loop_new(), .conf = &conf};

	fiber_group_init(&group, "test", loop);
	store = store_new(&options);
	fiber_spawn(&group, "script", script, &function);
	loop_run(loop);
	loop_free(loop);
	fake_end(&fake);
}

static void run(fake_serve *serve, void (*function)(void))
{
	run_for(300, serve, function);
}

static struct redis_state state(void)
{
	return store_state(store);
}

/* A call that is not repeated. */
static enum error call_once(struct fault *fault)
{
	return store_call(store, (struct redis_call){0}, SLICE(""), 2,
		(struct slice[]){SLICE("GET"), SLICE("a")}, NULL, fault);
}

static const char *const noise[] = {
	"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
	"\x15\x03\x01\x00\x02\x02\x16",
	"%1\r\n+a\r\n:1\r\n",
	"$9223372036854775807\r\n",
	":123456789012345678901234567890\r\n",
	"+HELLO\r\n+OK\r\n+PONG\r\n",
	"+OK\r\n+NOT PONG\r\n",
	"+OK\r\n:1\r\n",
};
enum { noises = sizeof noise / sizeof *noise };

/* Both roles connect; each noise is heard twice or so, then comes a good server. */
static void serve_noise(int fd, int number)
{
	if (number / 2 >= noises) {
		if (!fake_greet(fd))
			return;
		while (fake_await(fd, "PING\r\n"))
			fake_say(fd, "+PONG\r\n", 7);
		return;
	}
	fake_await(fd, "PING\r\n");
	fake_say(fd, noise[number / 2], strlen(noise[number / 2]));
	usleep(1000);
}

static void noise_then_service(void)
{
	struct fault fault;
	bool protocol = false;
	int64_t began = unit_now_ms();

	while (state().status != REDIS_UP) {
		ck_assert_soon(began, 20000);
		protocol = protocol || state().last_error.error == ERR_REDIS_PROTOCOL;
		fiber_sleep(5);
	}
	ck_assert(protocol);
	ck_assert_int_ge(state().connection_failures, noises);
	/* No storm: what the backoff bounds. */
	ck_assert_int_le(state().connection_failures, 2 * noises + 4);
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("PING")), OK);
}

TEST_CALL(after_noise_instead_of_a_handshake_service_resumes, run(serve_noise, noise_then_service))

static const char reply[] = "*2\r\n$5\r\nhello\r\n:42\r\n";

/* The reply to a GET, cut where the test says. */
static void serve_cut(int fd, int number)
{
	(void)number;
	if (fake_greet(fd) && fake_await(fd, "GET"))
		fake_say(fd, reply, (size_t)*fake.shared);
}

static void await_up(void)
{
	int64_t began = unit_now_ms();

	while (state().status != REDIS_UP) {
		ck_assert_soon(began, 5000);
		fiber_sleep(1);
	}
}

static void cut_everywhere(void)
{
	struct fault fault;
	int whole = sizeof reply - 1;

	for (*fake.shared = 0; *fake.shared < whole; ++*fake.shared) {
		await_up();
		ck_assert_msg(call_once(&fault) == ERR_REDIS_UNKNOWN_OUTCOME, "%d: %s",
			*fake.shared, fault.detail);
	}
	await_up();
	ck_assert_int_eq(call_once(&fault), OK);
}

TEST_CALL(a_reply_cut_at_every_byte_is_an_unknown_outcome, run(serve_cut, cut_everywhere))

static void serve_idempotent(int fd, int number)
{
	(void)number;
	if (!fake_greet(fd) || !fake_await(fd, "GET") || __sync_fetch_and_add(fake.shared, 1) == 0)
		return;
	fake_say(fd, ":5\r\n", 4);
	fake_await(fd, "nothing");
}

static void asked_again(void)
{
	struct redis_value *value = NULL;
	struct fault fault;

	await_up();
	ck_assert_int_eq(CALL(&value, &fault, SLICE("GET"), SLICE("a")), OK);
	ck_assert_int_eq(value->integer, 5);
	redis_value_free(value);
	ck_assert_int_eq(*fake.shared, 2);
}

TEST_CALL(an_idempotent_command_is_repeated_once, run(serve_idempotent, asked_again))

/* Answers each GET and then says something that nobody asked for. */
static void serve_unasked(int fd, int number)
{
	(void)number;
	if (!fake_greet(fd) || !fake_await(fd, "GET"))
		return;
	fake_say(fd, ":1\r\n:2\r\n", 8);
	fake_await(fd, "nothing");
}

static void unasked(void)
{
	struct fault fault;

	for (int i = 1; i <= 3; i++) {
		await_up();
		ck_assert_int_eq(call_once(&fault), OK);
		ck_assert_int_eq(state().connection_failures, i);
		ck_assert_int_eq(state().last_error.error, ERR_REDIS_PROTOCOL);
	}
}

TEST_CALL(a_reply_without_a_request_ends_the_connection, run(serve_unasked, unasked))

/* Loading for as long as the test says. */
static void serve_loading(int fd, int number)
{
	static const char loading[] = "-LOADING Redis is loading the dataset in memory\r\n";

	(void)number;
	if (!fake_greet_with(fd, loading))
		return;
	while (fake_await(fd, "\r\n"))
		if (*fake.shared)
			fake_say(fd, "+PONG\r\n", 7);
		else
			fake_say(fd, loading, sizeof loading - 1);
}

static void loading(void)
{
	struct fault fault;
	int64_t began;

	while (state().status != REDIS_IS_LOADING)
		fiber_sleep(1);
	for (int i = 0; i < 10; i++) {
		began = unit_now_ms();
		ck_assert_int_eq(call_once(&fault), ERR_REDIS_LOADING);
		ck_assert_soon(began, 50);
	}
	ck_assert_int_eq(state().connection_failures, 0);
	ck_assert_int_eq(state().breaker, BREAKER_CLOSED);
	*fake.shared = 1;
	began = unit_now_ms();
	await_up();
	ck_assert_soon(began, 1000);
	ck_assert_int_eq(CALL(NULL, &fault, SLICE("PING")), OK);
}

TEST_CALL(a_loading_server_keeps_its_connection, run(serve_loading, loading))

/* Never answers, but takes connections. */
static void serve_silence(int fd, int number)
{
	(void)number;
	fake_await(fd, "nothing");
}

static void silence(void)
{
	struct fault fault;
	int64_t began = unit_now_ms();

	ck_assert_int_eq(call_once(&fault), ERR_REDIS_UNAVAILABLE);
	ck_assert_soon(began, 600);
	ck_assert_int_eq(state().status, REDIS_DOWN);
}

TEST_CALL(a_server_that_never_answers_is_unavailable, run(serve_silence, silence))

static void serve_promise(int fd, int number)
{
	(void)number;
	if (!fake_greet(fd) || !fake_await(fd, "GET"))
		return;
	fake_say(fd, "*2000000000\r\n:1\r\n", 17);
	fake_await(fd, "nothing");
}

static void promise(void)
{
	struct fault fault;

	await_up();
	ck_assert_int_eq(call_once(&fault), ERR_REPLY_TOO_LARGE);
	ck_assert_int_eq(state().connection_failures, 1);
}

TEST_CALL(a_reply_that_never_ends_is_too_large, run(serve_promise, promise))

static void serve_refusal(int fd, int number)
{
	static const char text[] = "-ERR max number of clients reached\r\n";

	(void)number;
	fake_say(fd, text, sizeof text - 1);
}

static void refusal(void)
{
	struct fault fault;

	ck_assert_int_eq(call_once(&fault), ERR_REDIS_UNAVAILABLE);
	fiber_sleep(1000);
	ck_assert_int_le(state().connection_failures, 40);
}

TEST_CALL(a_server_that_is_full_of_clients_is_tried_slowly, run(serve_refusal, refusal))

enum { late_commands = 1200, late_bytes = 8 << 20 };

/* Reads nothing for as long as the test says; then it answers each GET. */
static void serve_late(int fd, int number)
{
	char input[65536];
	ssize_t n;

	(void)number;
	if (!fake_greet(fd))
		return;
	while (*fake.shared == 0)
		usleep(1000);
	while ((n = read(fd, input, sizeof input)) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (input[i] == '!')
				fake_say(fd, "+PONG\r\n", 7);
}

/* Until the kernel takes no more, and then some. */
static void read_late(void)
{
	static struct redis_batch *batches[late_commands];
	struct redis_node *node = store_node(store, SLICE(""));
	struct fault fault;

	await_up();
	for (int i = 0; i < late_commands; i++) {
		batches[i] = redis_batch_new();
		REDIS_ADD(batches[i], SLICE("GET"), SLICE("!"));
		ck_assert_int_eq(redis_node_start(node, REDIS_COMMANDS, batches[i], &fault), OK);
		/* A write of its own. */
		fiber_sleep(0);
	}
	*fake.shared = 1;
	for (int i = 0; i < late_commands; i++) {
		ck_assert_int_eq(redis_batch_wait(batches[i], clock_deadline(20000), &fault), OK);
		redis_batch_free(batches[i]);
	}
	ck_assert_int_eq(state().connection_failures, 0);
}

START_TEST(commands_that_the_kernel_does_not_take_are_written_later)
{
	run_for(20000, serve_late, read_late);
}
END_TEST

/* A large command is still being written when its time is over. */
static void never_read(void)
{
	char *value = mem_zalloc(late_bytes);
	struct fault fault;

	await_up();
	ck_assert_int_eq(
		store_call(store, (struct redis_call){0}, SLICE(""), 3,
			(struct slice[]){SLICE("SET"), SLICE("a"), slice_of(value, late_bytes)},
			NULL, &fault),
		ERR_TIMEOUT);
	mem_free(value);
	await_up();
}

TEST_CALL(a_command_that_is_never_read_ends_in_time, run(serve_late, never_read))

/* The server is given up in the turn in which a command was sent to it. */
static void given_up(void)
{
	struct redis_node *node = store_node(store, SLICE(""));
	struct redis_batch *batch = redis_batch_new();
	struct fault fault;

	await_up();
	REDIS_ADD(batch, SLICE("GET"), SLICE("!"));
	ck_assert_int_eq(redis_node_start(node, REDIS_COMMANDS, batch, &fault), OK);
	redis_node_retire(node, ERR_REDIS_UNKNOWN_OUTCOME, "it is not used any more");
	ck_assert_int_ne(redis_batch_wait(batch, clock_deadline(5000), &fault), OK);
	redis_batch_free(batch);
}

TEST_CALL(a_command_to_a_server_that_is_given_up_ends_at_once, run(serve_late, given_up))

TEST_SUITE("conn", commands_that_the_kernel_does_not_take_are_written_later,
	a_command_that_is_never_read_ends_in_time,
	a_command_to_a_server_that_is_given_up_ends_at_once,
	after_noise_instead_of_a_handshake_service_resumes,
	a_reply_cut_at_every_byte_is_an_unknown_outcome, an_idempotent_command_is_repeated_once,
	a_reply_without_a_request_ends_the_connection, a_loading_server_keeps_its_connection,
	a_server_that_never_answers_is_unavailable, a_reply_that_never_ends_is_too_large,
	a_server_that_is_full_of_clients_is_tried_slowly)
