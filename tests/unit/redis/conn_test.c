/* SPDX-License-Identifier: MIT */
/* Servers that are no good Redis: each command gets one honest answer, and the node lives on. */
#include "redis/conn.h"

#include <string.h>
#include <unistd.h>

#include "../unit.h"
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

static void run(fake_serve *serve, void (*function)(void))
{
	fake_start(&fake, serve);
	struct conf_redis conf = {
		.kind = REDIS_URL_UNIX,
		.path = fake.socket,
		.connect_timeout_ms = 300,
		.command_timeout_ms = 300,
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

TEST_SUITE("conn", after_noise_instead_of_a_handshake_service_resumes,
	a_reply_cut_at_every_byte_is_an_unknown_outcome, an_idempotent_command_is_repeated_once,
	a_reply_without_a_request_ends_the_connection, a_loading_server_keeps_its_connection,
	a_server_that_never_answers_is_unavailable, a_reply_that_never_ends_is_too_large,
	a_server_that_is_full_of_clients_is_tried_slowly)
