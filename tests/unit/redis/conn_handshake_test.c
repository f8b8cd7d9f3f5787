/* SPDX-License-Identifier: MIT */
/* What servers may answer to the first commands of a connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "fake.h"
#include "store/store.h"

#define GREETING \
	"$11\r\nrole:master\r\n$11\r\nrole:master\r\n+OK\r\n" \
	"-ERR unknown command 'DISCARD'\r\n*0\r\n"

static struct loop *loop;
static struct fiber_group group;
static struct fake fake;
static struct store *store;
static const char *script; /* what the server answers to each handshake */

static void work(void *argument)
{
	void (*function)(void) = *(void (**)(void))argument;

	function();
	store_free(store);
	loop_stop(loop);
}

static void run(fake_serve *serve, struct conf_redis conf, void (*function)(void))
{
	fake_start(&fake, serve);
	conf.kind = REDIS_URL_UNIX;
	conf.path = fake.socket;
	conf.connect_timeout_ms = conf.command_timeout_ms = 2000;
	conf.breaker_failures = 1000;
	conf.breaker_probe_every_ms = 1000;
	struct redis_node_options options = {.loop = loop = loop_new(), .conf = &conf};

	fiber_group_init(&group, "test", loop);
	store = store_new(&options);
	fiber_spawn(&group, "script", work, &function);
	loop_run(loop);
	loop_free(loop);
	fake_end(&fake);
}

static struct redis_state state(void)
{
	return store_state(store);
}

static enum error get(struct fault *fault)
{
	return store_command(store, SLICE(""), NULL, fault, SLICE("GET"), SLICE("a"));
}

/* Each command after the handshake gets PONG. */
static void serve_on(int fd)
{
	while (fake_await(fd, "\r\n"))
		fake_say(fd, "+PONG\r\n", 7);
}

static void serve_script(int fd, int number)
{
	(void)number;
	if (!fake_await(fd, "EXEC\r\n"))
		return;
	fake_say(fd, script, strlen(script));
	serve_on(fd);
}

static void await_status(enum redis_status status)
{
	int64_t began = unit_now_ms();

	while (state().status != status || (status == REDIS_DOWN && !state().last_error.error)) {
		ck_assert_soon(began, 5000);
		fiber_sleep(1);
	}
}

static const struct refusal {
	struct conf_redis conf;
	const char *script;
	enum error error;
	const char *words;
} refusals[] = {
	{{.password = (char[]){"p"}}, "-ERR Client sent AUTH, but no password is set\r\n",
		ERR_REDIS_AUTH, "no password is set"},
	{{.username = (char[]){"u"}, .password = (char[]){"p"}},
		"-WRONGPASS invalid username-password pair\r\n", ERR_REDIS_AUTH, "WRONGPASS"},
	{{.database = 99}, "-ERR DB index is out of range\r\n+OK\r\n+PONG\r\n" GREETING,
		ERR_REDIS_ERROR, "DB index is out of range"},
	{{0}, "-ERR max number of clients reached\r\n", ERR_REDIS_UNAVAILABLE,
		"max number of clients"},
	{{0}, "+OK\r\n$4\r\nPONG\r\n", ERR_REDIS_PROTOCOL, "not that of a Redis server"},
	/* The database was not selected, and then nothing more is said. */
	{{.database = 1}, "-BUSY Redis is busy running a script\r\n", ERR_REDIS_UNAVAILABLE,
		"does not answer"},
	{{0}, "+OK\r\n-NOAUTH Authentication required.\r\n", ERR_REDIS_AUTH, "NOAUTH"},
	{{0},
		"+OK\r\n+PONG\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
		ERR_REDIS_PROTOCOL, "a reply to the handshake is over the limits"},
};
static const struct refusal *refusal;

static void be_refused(void)
{
	struct fault fault;

	await_status(REDIS_DOWN);
	ck_assert_msg(strstr(state().last_error.detail, refusal->words) != NULL, "%s",
		state().last_error.detail);
	ck_assert_int_eq(state().last_error.error, refusal->error);
	ck_assert_int_ne(get(&fault), OK);
}

START_TEST(an_answer_that_ends_the_handshake_is_the_reason)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		refusal = &refusals[i];
		script = refusal->script;
		run(serve_script, refusal->conf, be_refused);
	}
}
END_TEST

/* SELECT is refused while *fake.shared is 0: the same connection repeats its handshake. */
static void serve_busy(int fd, int number)
{
	static const char busy[] = "-LOADING Redis is loading the dataset in memory\r\n"
				   "+OK\r\n+PONG\r\n" GREETING,
			  ready[] = "+OK\r\n+OK\r\n+PONG\r\n" GREETING;

	(void)number;
	while (*fake.shared == 0)
		if (fake_await(fd, "EXEC\r\n"))
			fake_say(fd, busy, sizeof busy - 1);
	if (fake_await(fd, "EXEC\r\n"))
		fake_say(fd, ready, sizeof ready - 1);
	serve_on(fd);
}

static void outlast_loading(void)
{
	struct fault fault;

	await_status(REDIS_IS_LOADING);
	ck_assert_int_eq(get(&fault), ERR_REDIS_LOADING);
	*fake.shared = 1;
	await_status(REDIS_UP);
	ck_assert_int_eq(get(&fault), OK);
	ck_assert_int_eq(state().connection_failures, 0);
}

TEST_CALL(a_database_that_cannot_be_selected_yet_is_selected_later,
	run(serve_busy, (struct conf_redis){.database = 1}, outlast_loading))

/* INFO is denied: the server is asked for its role. */
static const struct role {
	const char *reply;
	enum server_kind kind;
	enum error unfit;
} roles[] = {
	{"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", SERVER_PRIMARY, OK},
	{"*3\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n", SERVER_REPLICA, ERR_NOT_PRIMARY},
	{"*2\r\n$8\r\nsentinel\r\n*0\r\n", SERVER_SENTINEL, ERR_NOT_PRIMARY},
	{"-NOPERM this user has no permissions to run the 'role' command\r\n", SERVER_UNKNOWN, OK},
	{":1\r\n", SERVER_UNKNOWN, OK},
};
static const struct role *role;

static void serve_role(int fd, int number)
{
#define DENIED "-NOPERM this user has no permissions to run the 'info' command\r\n"
	static const char replies[] =
		"+OK\r\n+PONG\r\n" DENIED DENIED "+OK\r\n-ERR unknown command 'DISCARD'\r\n*0\r\n";

	(void)number;
	if (!fake_await(fd, "EXEC\r\n"))
		return;
	fake_say(fd, replies, sizeof replies - 1);
	if (fake_await(fd, "ROLE\r\n"))
		fake_say(fd, role->reply, strlen(role->reply));
	serve_on(fd);
}

static void have_role(void)
{
	await_status(role->kind == SERVER_SENTINEL ? REDIS_DOWN : REDIS_UP);
	ck_assert_int_eq(state().kind, role->kind);
	ck_assert_int_eq(state().unfit.error, role->unfit);
	ck_assert(state().lacks != 0);
}

START_TEST(where_info_is_denied_the_role_decides)
{
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		role = &roles[i];
		run(serve_role, (struct conf_redis){0}, have_role);
	}
}
END_TEST

/* These have one database: what SELECT answers there is not the reason. */
static const struct kind {
	const char *mode;
	enum server_kind kind;
	enum error unfit;
} kinds[] = {
	{"sentinel", SERVER_SENTINEL, ERR_NOT_PRIMARY},
	{"cluster", SERVER_CLUSTER, ERR_CLUSTER_NODE},
};
static const struct kind *mode;

static void serve_mode(int fd, int number)
{
	char replies[512];

	(void)number;
	snprintf(replies, sizeof replies,
		"-ERR unknown command 'select'\r\n+OK\r\n+PONG\r\n$%zu\r\nredis_mode:%s\r\n"
		"$11\r\nrole:master\r\n+OK\r\n-ERR unknown command 'DISCARD'\r\n*0\r\n",
		strlen("redis_mode:") + strlen(mode->mode), mode->mode);
	if (!fake_await(fd, "EXEC\r\n"))
		return;
	fake_say(fd, replies, strlen(replies));
	serve_on(fd);
}

static void be_of_a_kind(void)
{
	struct fault fault;
	int64_t began = unit_now_ms();

	while (state().unfit.error != mode->unfit) {
		ck_assert_soon(began, 5000);
		fiber_sleep(1);
	}
	ck_assert_int_eq(state().kind, mode->kind);
	ck_assert_int_eq(get(&fault), mode->unfit);
}

START_TEST(a_database_number_does_not_hide_the_kind_of_server)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		mode = &kinds[i];
		run(serve_mode, (struct conf_redis){.database = 3}, be_of_a_kind);
	}
}
END_TEST

static void lack_ping(void)
{
	struct fault fault;

	await_status(REDIS_UP);
	ck_assert(state().lacks != 0);
	ck_assert_int_eq(get(&fault), OK);
}

/* A user who may do all but PING is served, and the lack is reported. */
START_TEST(a_denied_ping_does_not_end_the_handshake)
{
	script = "+OK\r\n-NOPERM this user has no permissions to run the 'ping' "
		 "command\r\n" GREETING;
	run(serve_script, (struct conf_redis){0}, lack_ping);
}
END_TEST

/* What a greeting may hold though the server is to be used. */
static const struct oddity {
	struct conf_redis conf;
	const char *script;
	enum redis_status status;
} oddities[] = {
	/* A user without a password is no reason for AUTH. */
	{{.username = (char[]){"u"}}, "+OK\r\n+PONG\r\n" GREETING, REDIS_UP},
	{{0}, "-MASTERDOWN Link with MASTER is down\r\n+PONG\r\n" GREETING, REDIS_UP},
	{{0}, "+OK\r\n-MASTERDOWN Link with MASTER is down\r\n" GREETING, REDIS_DOWN},
	{{0}, "+OK\r\n-BUSY Redis is busy running a script\r\n" GREETING, REDIS_IS_BUSY},
	{{.database = 1}, "-BUSY Redis is busy running a script\r\n+OK\r\n+PONG\r\n" GREETING,
		REDIS_IS_BUSY},
};
static const struct oddity *oddity;

static void be_as_odd(void)
{
	await_status(oddity->status);
	ck_assert_int_eq(state().connection_failures, 0);
}

START_TEST(a_greeting_may_be_odd)
{
	for (size_t i = 0; i < sizeof oddities / sizeof *oddities; i++) {
		oddity = &oddities[i];
		script = oddity->script;
		run(serve_script, oddity->conf, be_as_odd);
	}
}
END_TEST

/* Speaks before anything was sent, while a command still makes the password. */
static void serve_early(int fd, int number)
{
	(void)number;
	fake_say(fd, script, strlen(script));
	fake_await(fd, "nothing");
}

static const struct refusal early[] = {
	{{0}, "-ERR max number of clients reached\r\n", ERR_REDIS_UNAVAILABLE,
		"max number of clients"},
	{{0}, "+OK\r\n", ERR_REDIS_PROTOCOL, "a reply without a request"},
	{{0}, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
		ERR_REDIS_PROTOCOL, "a reply without a request"},
};

START_TEST(what_is_said_before_the_password_is_the_reason)
{
	for (size_t i = 0; i < sizeof early / sizeof *early; i++) {
		refusal = &early[i];
		script = early[i].script;
		run(serve_early,
			(struct conf_redis){.password_argv = (char *[]){(char[]){"sleep"},
						    (char[]){"9"}, NULL}},
			be_refused);
	}
}
END_TEST

/* The first two are refused, the next two closed, all others taken. */
static void serve_after_a_while(int fd, int number)
{
	static const char wrong[] = "-WRONGPASS invalid username-password pair\r\n",
			  right[] = "+OK\r\n+OK\r\n+PONG\r\n" GREETING;

	if (number == 2 || number == 3 || !fake_await(fd, "EXEC\r\n"))
		return;
	if (number < 2) {
		fake_say(fd, wrong, sizeof wrong - 1);
		return;
	}
	fake_say(fd, right, sizeof right - 1);
	serve_on(fd);
}

static void be_taken_in_the_end(void)
{
	await_status(REDIS_DOWN);
	await_status(REDIS_UP);
	ck_assert_int_ge(state().connection_failures, 2);
}

/* The server may have another mind after it was away: the refusal is forgotten. */
START_TEST(a_refused_password_is_sent_again_to_a_server_that_was_away)
{
	run(serve_after_a_while,
		(struct conf_redis){
			.password_argv = (char *[]){(char[]){"echo"}, (char[]){"p"}, NULL}},
		be_taken_in_the_end);
}
END_TEST

/* Takes the password "right". */
static void serve_password(int fd, int number)
{
	static const char wrong[] = "-WRONGPASS invalid username-password pair\r\n",
			  right[] = "+OK\r\n+OK\r\n+PONG\r\n" GREETING;

	(void)number;
	if (!fake_await(fd, "EXEC\r\n"))
		return;
	if (!strstr(fake_heard, "AUTH\r\n$5\r\nright\r\n")) {
		fake_say(fd, wrong, sizeof wrong - 1);
		return;
	}
	fake_say(fd, right, sizeof right - 1);
	serve_on(fd);
}

static char password_path[64];

static void write_password(const char *text)
{
	FILE *file = fopen(password_path, "w");

	ck_assert_int_eq(fchmod(fileno(file), 0600), 0);
	fputs(text, file);
	fclose(file);
}

static void take_new_printed_password(void)
{
	struct fault fault;

	await_status(REDIS_DOWN);
	ck_assert_int_eq(state().last_error.error, ERR_REDIS_AUTH);
	write_password("right\n");
	await_status(REDIS_UP);
	ck_assert_int_eq(get(&fault), OK);
}

static void take_new_password(void)
{
	struct fault fault;

	await_status(REDIS_DOWN);
	ck_assert_int_eq(state().last_error.error, ERR_REDIS_AUTH);
	ck_assert_ptr_nonnull(strstr(state().last_error.detail, "cannot be read"));
	write_password("wrong\n");
	while (!strstr(state().last_error.detail, "WRONGPASS"))
		fiber_sleep(1);
	ck_assert_int_eq(get(&fault), ERR_REDIS_AUTH);
	write_password("right\n");
	await_status(REDIS_UP);
	ck_assert_int_eq(get(&fault), OK);
}

START_TEST(a_password_is_read_again_until_it_is_right)
{
	char folder[] = "/tmp/cw-unit-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(password_path, sizeof password_path, "%s/password", folder);
	run(serve_password, (struct conf_redis){.password_file = password_path}, take_new_password);
	unlink(password_path);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(another_printed_password_is_sent_at_once)
{
	char folder[] = "/tmp/cw-unit-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(password_path, sizeof password_path, "%s/password", folder);
	write_password("wrong\n");
	run(serve_password,
		(struct conf_redis){
			.password_argv = (char *[]){(char[]){"cat"}, password_path, NULL}},
		take_new_printed_password);
	unlink(password_path);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

TEST_SUITE("conn_handshake", a_greeting_may_be_odd, what_is_said_before_the_password_is_the_reason,
	a_refused_password_is_sent_again_to_a_server_that_was_away,
	another_printed_password_is_sent_at_once, an_answer_that_ends_the_handshake_is_the_reason,
	a_database_that_cannot_be_selected_yet_is_selected_later,
	where_info_is_denied_the_role_decides, a_database_number_does_not_hide_the_kind_of_server,
	a_denied_ping_does_not_end_the_handshake, a_password_is_read_again_until_it_is_right)
