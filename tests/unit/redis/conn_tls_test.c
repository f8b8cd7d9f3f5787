/* SPDX-License-Identifier: MIT */
/* A connection over TLS, with servers that break it at each stage. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../certificate.h"
#include "../unit.h"
#include "base/mem.h"
#include "fake.h"
#include "redis/conn_tls.h"
#include "store/store.h"

enum { big = 300000 };

static struct loop *loop;
static struct fiber_group group;
static struct fake fake;
static struct certificate shown;
static struct conf_redis conf;
static struct store *store;

static void work(void *argument)
{
	void (*function)(void) = *(void (**)(void))argument;

	function();
	store_free(store);
	loop_stop(loop);
}

/* The server shows a certificate of `name`; the client trusts it and expects "localhost". */
static void run_named(const char *name, int valid_s, fake_serve *serve, void (*function)(void))
{
	certificate_make(&shown, name, valid_s);
	fake_start(&fake, serve);
	conf.kind = REDIS_URL_UNIX;
	conf.path = fake.socket;
	conf.tls = true;
	if (!conf.tls_files.ca)
		conf.tls_files.ca = shown.file;
	conf.tls_files.server_name = (char[]){"localhost"};
	conf.connect_timeout_ms = conf.connect_timeout_ms ? conf.connect_timeout_ms : 5000;
	conf.command_timeout_ms = 5000;
	conf.breaker_failures = 1000;
	conf.breaker_probe_every_ms = 1000;
	struct redis_node_options options = {.loop = loop = loop_new(), .conf = &conf};

	fiber_group_init(&group, "test", loop);
	store = store_new(&options);
	fiber_spawn(&group, "script", work, &function);
	loop_run(loop);
	loop_free(loop);
	fake_end(&fake);
	certificate_release(&shown);
}

static void run(fake_serve *serve, void (*function)(void))
{
	run_named("localhost", 3600, serve, function);
}

static struct redis_state state(void)
{
	return store_state(store);
}

static enum error get(struct redis_value **ret, struct fault *fault)
{
	return store_call(store, (struct redis_call){0}, SLICE(""), 2,
		(struct slice[]){SLICE("GET"), SLICE("a")}, ret, fault);
}

static void await_up(void)
{
	int64_t began = unit_now_ms();

	while (state().status != REDIS_UP) {
		ck_assert_soon(began, 5000);
		fiber_sleep(1);
	}
}

static void await_detail(const char *text)
{
	int64_t began = unit_now_ms();

	while (!strstr(state().last_error.detail, text)) {
		ck_assert_msg(unit_now_ms() - began < 20000, "%s", state().last_error.detail);
		fiber_sleep(1);
	}
}

/* The server's end, in a process of its own. */
static gnutls_session_t session;

static int begin_tls(int fd)
{
	int status;

	gnutls_init(&session, GNUTLS_SERVER);
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, shown.credentials);
	gnutls_transport_set_int(session, fd);
	do
		status = gnutls_handshake(session);
	while (status < 0 && !gnutls_error_is_fatal(status));
	return status == 0;
}

static int heard(const char *text)
{
	size_t n = 0;

	for (;;) {
		ssize_t got =
			gnutls_record_recv(session, fake_heard + n, sizeof fake_heard - 1 - n);

		if (got <= 0)
			return 0;
		n += (size_t)got;
		fake_heard[n] = '\0';
		if (strstr(fake_heard, text))
			return 1;
	}
}

static void say(const char *text, size_t n)
{
	while (n > 0) {
		ssize_t put = gnutls_record_send(session, text, n);

		if (put < 0)
			return;
		text += put;
		n -= (size_t)put;
	}
}

static int greet(int fd)
{
	static const char first[] = "+OK\r\n+PONG\r\n";

	if (!begin_tls(fd) || !heard("EXEC\r\n"))
		return 0;
	say(first, sizeof first - 1);
	say(fake_greeting, strlen(fake_greeting));
	return 1;
}

/* A value of many records for each GET. */
static void serve_big(int fd, int number)
{
	static char reply[big + 32];
	int n = snprintf(reply, sizeof reply, "$%d\r\n", big);

	(void)number;
	memset(reply + n, 'x', big);
	memcpy(reply + n + big, "\r\n", 2);
	if (!greet(fd))
		return;
	while (heard("GET"))
		say(reply, (size_t)n + big + 2);
}

static void read_big(void)
{
	struct fault fault;

	await_up();
	for (int i = 0; i < 3; i++) {
		struct redis_value *value = NULL;

		ck_assert_msg(get(&value, &fault) == OK, "%s", fault.detail);
		ck_assert_uint_eq(value->text.n, big);
		redis_value_free(value);
	}
}

TEST_CALL(replies_of_many_records_are_read, run(serve_big, read_big))

/* Takes a value of a megabyte that the socket does not take at once. */
static void serve_slow_reader(int fd, int number)
{
	static char input[16384];
	size_t taken = 0;
	int small = 4096;

	(void)number;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	if (!greet(fd))
		return;
	while (taken < 1000000) {
		ssize_t got = gnutls_record_recv(session, input, sizeof input);

		if (got <= 0)
			return;
		taken += (size_t)got;
	}
	say("+OK\r\n", 5);
	heard("nothing");
}

static void write_big(void)
{
	char *value = mem_zalloc(1000000);
	struct fault fault;

	await_up();
	ck_assert_msg(store_command(store, SLICE(""), NULL, &fault, SLICE("SET"), SLICE("a"),
			      slice_of(value, 1000000)) == OK,
		"%s", fault.detail);
	mem_free(value);
}

TEST_CALL(a_request_of_many_records_is_written, run(serve_slow_reader, write_big))

static const char *words;

static void be_unreachable(void)
{
	struct fault fault;

	await_detail(words);
	ck_assert_int_eq(state().last_error.error, ERR_REDIS_UNAVAILABLE);
	ck_assert_int_eq(get(NULL, &fault), ERR_REDIS_UNAVAILABLE);
	ck_assert_int_eq(state().status, REDIS_DOWN);
}

static void fails_with(const char *what, const char *name, int valid_s, fake_serve *serve)
{
	words = what;
	run_named(name, valid_s, serve, be_unreachable);
}

TEST_CALL(the_certificate_of_another_name_is_refused,
	fails_with("cannot be reached by TLS: its certificate is for another name", "elsewhere",
		3600, serve_big))
TEST_CALL(an_expired_certificate_is_refused,
	fails_with("its certificate has expired", "localhost", -60, serve_big))

static void trust_another(const char *name)
{
	struct certificate other;

	certificate_make(&other, name, 3600);
	conf.tls_files.ca = other.file;
	fails_with("not signed by a trusted authority", "localhost", 3600, serve_big);
	certificate_release(&other);
}

START_TEST(an_unknown_authority_is_refused)
{
	trust_another("elsewhere");
	/* The same name with another key. */
	trust_another("localhost");
}
END_TEST

static void serve_client_certificate(int fd, int number)
{
	(void)number;
	gnutls_init(&session, GNUTLS_SERVER);
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, shown.credentials);
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
	gnutls_transport_set_int(session, fd);
	int status = gnutls_handshake(session);

	gnutls_alert_send_appropriate(session, status);
}

/* In TLS 1.3 the refusal comes behind the handshake, with the commands already sent. */
TEST_CALL(a_missing_client_certificate_is_reported,
	fails_with("it requires a client certificate", "localhost", 3600, serve_client_certificate))

static void serve_plain(int fd, int number)
{
	static const char error[] = "-ERR Protocol error: unauthenticated multibulk length\r\n";

	(void)number;
	fake_say(fd, error, sizeof error - 1);
	usleep(1000);
}

TEST_CALL(a_server_without_tls_is_reported,
	fails_with("it does not speak TLS", "localhost", 3600, serve_plain))

static void serve_silence(int fd, int number)
{
	(void)number;
	fake_await(fd, "nothing");
}

START_TEST(a_handshake_that_is_not_answered_has_a_deadline)
{
	conf.connect_timeout_ms = 100;
	fails_with("does it speak TLS on this port?", "localhost", 3600, serve_silence);
}
END_TEST

/* Closes after the client's first message. */
static void serve_close(int fd, int number)
{
	char input[64];

	(void)number;
	if (read(fd, input, sizeof input) < 0)
		return;
	shutdown(fd, SHUT_WR);
	fake_await(fd, "nothing");
}

TEST_CALL(a_server_that_closes_within_the_handshake_is_reported,
	fails_with("closed by Redis", "localhost", 3600, serve_close))

START_TEST(an_authority_that_cannot_be_read_is_named_until_it_can)
{
	conf.tls_files.ca = (char[]){"/nonexistent/ca.crt"};
	struct fault fault;

	ck_assert_int_eq(store_check(&conf, &fault), OK);
	conf.tls = true;
	ck_assert_int_eq(store_check(&conf, &fault), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(fault.detail, "/nonexistent/ca.crt"));
	fails_with("cannot be reached by TLS: the CA file /nonexistent/ca.crt: No such file",
		"localhost", 3600, serve_big);
}
END_TEST

/* Speaks TLS, and then HTTP. */
static void serve_http(int fd, int number)
{
	static const char reply[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	(void)number;
	if (begin_tls(fd) && heard("PING"))
		say(reply, sizeof reply - 1);
	heard("nothing");
}

static void be_misunderstood(void)
{
	struct fault fault;

	await_detail("is it a Redis server that listens there, behind TLS?");
	ck_assert_int_eq(state().last_error.error, ERR_REDIS_PROTOCOL);
	ck_assert_int_ne(get(NULL, &fault), OK);
}

TEST_CALL(another_protocol_behind_tls_is_reported, run(serve_http, be_misunderstood))

/* After the greeting: ends the session, or sends what is not a record, once a GET has come. */
static void serve_end(int fd, int number)
{
	(void)number;
	if (greet(fd) && heard("GET"))
		gnutls_bye(session, GNUTLS_SHUT_WR);
	heard("nothing");
}

static void serve_garbage(int fd, int number)
{
	(void)number;
	if (greet(fd) && heard("GET"))
		fake_say(fd, "this is not a record of TLS\r\n", 29);
	heard("nothing");
}

static void lose_outcome(void)
{
	struct fault fault;

	for (int i = 0; i < 2; i++) {
		await_up();
		ck_assert_int_eq(get(NULL, &fault), ERR_REDIS_UNKNOWN_OUTCOME);
		ck_assert_msg(strstr(fault.detail, words) != NULL, "%s", fault.detail);
	}
}

START_TEST(a_session_that_ends_leaves_the_outcome_unknown)
{
	words = "closed by Redis";
	run(serve_end, lose_outcome);
	words = "the TLS session with Redis";
	run(serve_garbage, lose_outcome);
}
END_TEST

/* Counts resumed sessions; each connection ends with its first GET answered. */
static gnutls_datum_t ticket_key;

static void serve_tickets(int fd, int number)
{
	(void)number;
	gnutls_init(&session, GNUTLS_SERVER);
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, shown.credentials);
	gnutls_session_ticket_enable_server(session, &ticket_key);
	gnutls_transport_set_int(session, fd);
	if (gnutls_handshake(session) < 0 || !heard("EXEC\r\n"))
		return;
	if (gnutls_session_is_resumed(session))
		__sync_fetch_and_add(fake.shared, 1);
	say("+OK\r\n+PONG\r\n", 12);
	say(fake_greeting, strlen(fake_greeting));
	if (heard("GET"))
		say(":1\r\n", 4);
}

static void come_again(void)
{
	struct fault fault;
	int64_t began = unit_now_ms();

	while (*fake.shared == 0) {
		ck_assert_soon(began, 10000);
		await_up();
		get(NULL, &fault);
	}
	/* With other settings no ticket is used: a resumed session verifies nothing. */
	conf.tls_files.server_name = (char[]){"elsewhere"};
	store_reconfigure(store, &conf);
	int resumed = *fake.shared;

	while (state().status == REDIS_UP)
		get(NULL, &fault);
	await_detail("its certificate is for another name");
	ck_assert_int_eq(*fake.shared, resumed);
}

START_TEST(a_session_is_resumed_only_with_the_same_settings)
{
	gnutls_session_ticket_key_generate(&ticket_key);
	run(serve_tickets, come_again);
	gnutls_free(ticket_key.data);
}
END_TEST

/* Also where only the sentinels are spoken to by TLS. */
START_TEST(files_are_checked_where_tls_is_used)
{
	struct conf_redis with = {.tls_files.ca = (char[]){"/nowhere/ca.crt"}};
	struct fault fault;

	ck_assert_int_eq(conn_tls_check(&with, &fault), OK);
	with.sentinel.tls = true;
	ck_assert_int_eq(conn_tls_check(&with, &fault), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(fault.detail, "/nowhere/ca.crt"));
	with.sentinel.tls = false;
	with.tls = true;
	ck_assert_int_eq(conn_tls_check(&with, &fault), ERR_BAD_CONFIG);
}
END_TEST

TEST_SUITE("conn_tls", files_are_checked_where_tls_is_used, replies_of_many_records_are_read,
	a_request_of_many_records_is_written, the_certificate_of_another_name_is_refused,
	an_expired_certificate_is_refused, an_unknown_authority_is_refused,
	a_missing_client_certificate_is_reported, a_server_without_tls_is_reported,
	a_handshake_that_is_not_answered_has_a_deadline,
	a_server_that_closes_within_the_handshake_is_reported,
	an_authority_that_cannot_be_read_is_named_until_it_can,
	another_protocol_behind_tls_is_reported, a_session_that_ends_leaves_the_outcome_unknown,
	a_session_is_resumed_only_with_the_same_settings)
