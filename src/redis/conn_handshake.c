/* SPDX-License-Identifier: MIT */
/*
 * What a new link sends before any other commands, in two writes:
 *
 *	AUTH, SELECT, CLIENT SETNAME, PING, INFO server, INFO replication, MULTI, DISCARD, EXEC
 *	[ROLE], [MULTI, commands that we use, DISCARD], [SUBSCRIBE or MONITOR]
 *
 * So the kind of the server and what it denies are known before the first command is sent. Commands
 * that write are asked for on the connection for them only: a server that holds writes back does so
 * within MULTI, too.
 *
 * Special: a Redis that is loading or busy with a script answers, so its link stays; only SELECT
 * must be repeated, because commands must not run in another database.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#include "conf/file.h"
#include "redis/conn_internal.h"

enum {
	busy_again_ms = 250,
	/* A run of the command, behind one that is being ended. */
	password_patience_ms = PASSWORD_RUN_MS + 4000,
};

enum step {
	STEP_AUTH,
	STEP_SELECT,
	STEP_NAME,
	STEP_PING,
	STEP_INFO,
	STEP_ROLE,
	STEP_CHECK,
	STEP_SUBSCRIBE,
};

static void add_step(struct conn *conn, enum step step, size_t argc, const struct slice *argv)
{
	conn->steps[pipeline_add(conn->handshake, argc, argv)] = (unsigned char)step;
}

static void begin_handshake(struct conn *conn, bool second)
{
	pipeline_free(conn->handshake);
	conn->handshake = pipeline_new();
	conn->second = second;
	conn->check_at = SIZE_MAX;
}

static enum capabilities_check check_of(const struct conn *conn)
{
	return !conn->second ? CHECK_FIRST : conn->writes ? CHECK_ALL : CHECK_READS;
}

static void add_check(struct conn *conn)
{
	conn->check_at = capabilities_add_check(conn->config->capabilities, conn->handshake,
		check_of(conn), slice_str(conn->config->spare_key));
}

enum error conn_add_auth(const struct conn_config *config, struct slice printed,
	struct pipeline *pipeline, struct fault *fault)
{
	struct slice user = slice_str(config->username), password = slice_str(config->password);
	struct buf text = {0}, why = {0};
	const char *wrong =
		config->password_file ? file_read_secret(config->password_file, &text, &why) : NULL;
	enum error error = OK;

	if (config->password_file)
		password = buf_slice(&text);
	if (printed.n)
		password = printed;
	if (wrong)
		error = fault_set(fault, ERR_REDIS_AUTH, "redis.password_file names %s, which %s",
			config->password_file, wrong);
	else if (user.n && password.n)
		pipeline_add(pipeline, 3, (struct slice[]){SLICE("AUTH"), user, password});
	else if (password.n)
		pipeline_add(pipeline, 2, (struct slice[]){SLICE("AUTH"), password});
	file_forget(&text);
	buf_release(&why);
	return error;
}

static void send_handshake(struct conn *conn)
{
	const struct conn_config *config = conn->config;
	struct fault fault;
	char database[12];

	begin_handshake(conn, false);
	conn->steps[0] = STEP_AUTH;
	if (config->password_file)
		conn->password_stamp = file_stamp_now(config->password_file);
	if (conn_add_auth(config, buf_slice(&conn->password), conn->handshake, &fault)) {
		conn_fail(conn, &fault);
		return;
	}
	if (config->database) {
		snprintf(database, sizeof database, "%u", config->database);
		add_step(conn, STEP_SELECT, 2,
			(struct slice[]){SLICE("SELECT"), slice_str(database)});
	}
	add_step(conn, STEP_NAME, 3,
		(struct slice[]){SLICE("CLIENT"), SLICE("SETNAME"), SLICE("cachewarden")});
	add_step(conn, STEP_PING, 1, (struct slice[]){SLICE("PING")});
	add_step(conn, STEP_INFO, 2, (struct slice[]){SLICE("INFO"), SLICE("server")});
	add_step(conn, STEP_INFO, 2, (struct slice[]){SLICE("INFO"), SLICE("replication")});
	add_check(conn);
	conn->kind = SERVER_UNKNOWN;
	conn->unselected = (struct fault){0};
	conn->state_fault = (struct fault){0};
	conn_send(conn, conn->handshake);
}

/* False if nothing is left to ask. */
static bool send_second(struct conn *conn)
{
	const struct capabilities *capabilities = conn->config->capabilities;
	const char *channel = conn->channel;
	bool ask_role = conn->kind == SERVER_UNKNOWN;

	if (!ask_role && !channel && !capabilities_can_check(capabilities))
		return false;
	begin_handshake(conn, true);
	if (ask_role)
		add_step(conn, STEP_ROLE, 1, (struct slice[]){SLICE("ROLE")});
	if (channel && !*channel)
		add_step(conn, STEP_SUBSCRIBE, 1, (struct slice[]){SLICE("MONITOR")});
	else if (channel)
		add_step(conn, STEP_SUBSCRIBE, 2,
			(struct slice[]){SLICE("SUBSCRIBE"), slice_str(channel)});
	else if (capabilities_can_check(capabilities))
		add_check(conn);
	conn_send(conn, conn->handshake);
	return true;
}

/* Whether Redis has refused it, and it is not time yet to try it once more. */
static bool is_refused(const struct conn *conn, struct slice password)
{
	uint8_t digest[SHA256_BYTES];

	crypto_sha256(password, digest);
	return conn->has_refused && conn->last.error == ERR_REDIS_AUTH &&
	       (int64_t)uv_now(loop_uv(conn->loop)) < conn->retry_at_ms &&
	       crypto_equal(digest, conn->refused, sizeof digest);
}

static void password_came(struct password_wait *wait, struct slice text, const struct fault *fault)
{
	struct conn *conn = (struct conn *)((char *)wait - offsetof(struct conn, ask));

	if (fault->error) {
		conn_fail(conn, fault);
		return;
	}
	if (is_refused(conn, text)) {
		conn_wait_on(conn);
		return;
	}
	buf_add(&conn->password, text);
	conn_set_timer(conn, conn->config->connect_timeout_ms);
	conn_set_state(conn, CONN_HANDSHAKE);
	send_handshake(conn);
}

void conn_linked(struct conn *conn)
{
	if (password_has_command(conn->config->printed)) {
		conn_set_timer(conn, password_patience_ms);
		conn_set_state(conn, CONN_PASSWORD);
		conn->ask.answered = password_came;
		password_ask(conn->config->printed, &conn->ask);
		return;
	}
	conn_set_state(conn, CONN_HANDSHAKE);
	send_handshake(conn);
}

static bool server_is_busy(enum error error)
{
	return error == ERR_REDIS_LOADING || error == ERR_REDIS_BUSY;
}

/* AUTH and PING decide whether there is a connection at all: the meaning of their error replies. */
static enum error judge_auth(
	struct conn *conn, const struct redis_value *reply, struct fault *fault)
{
	if (redis_value_error(reply, fault) == ERR_REDIS_ERROR)
		fault->error = ERR_REDIS_AUTH;
	conn->has_refused = fault->error == ERR_REDIS_AUTH && conn->password.n;
	if (conn->has_refused)
		crypto_sha256(buf_slice(&conn->password), conn->refused);
	return fault->error;
}

static enum error judge_ping(
	struct conn *conn, const struct redis_value *reply, struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);

	if (server_is_busy(error) || error == ERR_REDIS_UNAVAILABLE)
		conn->state_fault = *fault;
	if (conn->state_fault.error || capabilities_refused(conn->config->capabilities, reply))
		return fault->error = OK;
	if (error || (reply->type == REDIS_STATUS && slice_is(reply->text, "PONG")))
		return error;
	return fault_set(
		fault, ERR_REDIS_PROTOCOL, "the reply to PING is not that of a Redis server");
}

static void judge_info(struct conn *conn, const struct redis_value *reply)
{
	if (reply->type == REDIS_STRING)
		conn->kind = server_kind_of_info(reply->text, conn->kind, conn->config->in_cluster);
	else
		capabilities_refused(conn->config->capabilities, reply);
}

/* What the reply to a step means for the handshake: OK = continue. */
static enum error judge_step(struct conn *conn, enum step step, size_t at,
	const struct redis_value *reply, struct fault *fault)
{
	switch (step) {
	case STEP_AUTH:
		return judge_auth(conn, reply, fault);
	case STEP_SELECT:
		redis_value_error(reply, &conn->unselected);
		return OK;
	case STEP_PING:
		return judge_ping(conn, reply, fault);
	case STEP_INFO:
		judge_info(conn, reply);
		return OK;
	case STEP_ROLE:
		conn->kind = server_kind_of_role(reply);
		return OK;
	case STEP_CHECK:
		capabilities_take_reply(
			conn->config->capabilities, check_of(conn), at - conn->check_at, reply);
		return OK;
	case STEP_SUBSCRIBE:
		return redis_value_error(reply, fault);
	case STEP_NAME:
		/* The name is optional: only an error that concerns the connection counts. */
		if (redis_value_error(reply, fault) == ERR_REDIS_UNAVAILABLE &&
			redis_value_refusal(reply, NULL) == REFUSAL_STATE)
			return fault->error;
		return fault->error = OK;
	}
	assert(0);
	return ERR_INTERNAL;
}

static void become_ready(struct conn *conn)
{
	pipeline_free(conn->handshake);
	conn->handshake = NULL;
	conn_set_state(conn, CONN_READY);
	conn->events->ready(conn->context, conn->kind, &conn->state_fault);
	conn_send_queued(conn);
}

/* SELECT is not possible now: waiting commands fail with the reason, and it is retried later. */
static void wait_for_busy(struct conn *conn)
{
	conn->last = conn->unselected;
	conn_fail_queue(conn, &conn->unselected);
	conn_set_timer(conn, busy_again_ms);
	conn->events->failed(conn->context, &conn->unselected, 0);
}

static void end_handshake(struct conn *conn)
{
	/* A Sentinel and a cluster have one database; no commands are sent to them. */
	bool database_matters = conn->kind != SERVER_SENTINEL && conn->kind != SERVER_CLUSTER;

	if (server_is_busy(conn->unselected.error))
		wait_for_busy(conn);
	else if (conn->unselected.error && database_matters)
		conn_fail(conn, &conn->unselected);
	else if (conn->second || !send_second(conn))
		become_ready(conn);
}

void conn_handshake_reply(struct conn *conn, struct redis_value *reply)
{
	struct pipeline *handshake = conn->handshake;
	size_t at = handshake->answered;
	struct fault fault = {0};

	if (reply)
		judge_step(conn, at >= conn->check_at ? STEP_CHECK : conn->steps[at], at, reply,
			&fault);
	else
		fault_set(
			&fault, ERR_REDIS_PROTOCOL, "a reply to the handshake is over the limits");
	bool last = pipeline_answer(handshake, reply, &fault);

	if (fault.error) {
		conn_fail(conn, &fault);
		conn->turned_away = fault.error == ERR_REDIS_UNAVAILABLE;
	} else if (last) {
		end_handshake(conn);
	}
}

bool conn_handshake_early(struct conn *conn, struct redis_value *reply)
{
	struct fault fault;

	if (!reply || redis_value_error(reply, &fault) == OK)
		return false;
	redis_value_free(reply);
	conn_fail(conn, &fault);
	return true;
}

bool conn_handshake_again(struct conn *conn)
{
	if (!conn->unselected.error || conn->handshake->answered < conn->handshake->count)
		return false;
	conn_set_timer(conn, conn->config->connect_timeout_ms);
	send_handshake(conn);
	return true;
}
