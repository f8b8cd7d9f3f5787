/* SPDX-License-Identifier: MIT */
/*
 * What a new link says before anybody's commands: AUTH, SELECT, CLIENT SETNAME and PING, in one
 * write.
 *
 * Special: a Redis that is loading or busy with a script answers, so its link stays; only SELECT
 * must be asked again, because commands must not run in another database.
 */
#include <assert.h>
#include <stdio.h>

#include "redis/conn_internal.h"

enum { busy_again_ms = 250 };

enum step { STEP_AUTH, STEP_SELECT, STEP_NAME, STEP_PING };

static void add_step(struct conn *conn, enum step step, size_t argc, const struct slice *argv)
{
	conn->steps[flight_add(conn->handshake, argc, argv)] = (unsigned char)step;
}

static void send_handshake(struct conn *conn)
{
	const struct conn_config *config = conn->config;
	struct slice user = slice_str(config->username), password = slice_str(config->password);
	char database[12];

	flight_free(conn->handshake);
	conn->handshake = flight_new();
	if (config->password && config->username && user.n)
		add_step(conn, STEP_AUTH, 3, (struct slice[]){SLICE("AUTH"), user, password});
	else if (config->password)
		add_step(conn, STEP_AUTH, 2, (struct slice[]){SLICE("AUTH"), password});
	if (config->database) {
		snprintf(database, sizeof database, "%u", config->database);
		add_step(conn, STEP_SELECT, 2,
			(struct slice[]){SLICE("SELECT"), slice_str(database)});
	}
	add_step(conn, STEP_NAME, 3,
		(struct slice[]){SLICE("CLIENT"), SLICE("SETNAME"), SLICE("cachewarden")});
	add_step(conn, STEP_PING, 1, (struct slice[]){SLICE("PING")});
	conn->busy = (struct fault){0};
	conn_send(conn, conn->handshake);
}

void conn_linked(struct conn *conn)
{
	conn_set_state(conn, CONN_HANDSHAKE);
	send_handshake(conn);
}

/* What the error reply to a step means for the handshake: OK = go on. */
static enum error judge_step(enum step step, const struct redis_value *reply, struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);

	switch (step) {
	case STEP_AUTH:
		if (error == ERR_REDIS_ERROR)
			fault->error = error = ERR_REDIS_AUTH;
		return error;
	case STEP_SELECT:
		return error;
	case STEP_NAME:
		/* A name is a courtesy: old servers, proxies and narrow ACLs may refuse it. */
		if (error == ERR_REDIS_NOPERM || error == ERR_REDIS_LOADING ||
			error == ERR_REDIS_BUSY || slice_starts(reply->text, SLICE("ERR unknown")))
			return OK;
		return error;
	case STEP_PING:
		if (error == ERR_REDIS_NOPERM)
			return OK;
		if (error || (reply->type == REDIS_STATUS && slice_is(reply->text, "PONG")))
			return error;
		return fault_set(fault, ERR_REDIS_PROTOCOL,
			"something that is no Redis server answered PING");
	}
	assert(0);
	return ERR_INTERNAL;
}

static bool server_is_busy(enum error error)
{
	return error == ERR_REDIS_LOADING || error == ERR_REDIS_BUSY;
}

static void become_ready(struct conn *conn, const struct fault *state)
{
	flight_free(conn->handshake);
	conn->handshake = NULL;
	conn_set_state(conn, CONN_READY);
	conn->events->ready(conn->context, state);
	conn_send_queued(conn);
}

/* SELECT could not be done: whoever waits hears why, and the handshake is tried again. */
static void wait_for_busy(struct conn *conn)
{
	conn->last = conn->busy;
	conn_fail_queue(conn, &conn->busy);
	conn_set_timer(conn, busy_again_ms);
	conn->events->failed(conn->context, &conn->busy, 0);
}

void conn_handshake_reply(struct conn *conn, struct redis_value *reply)
{
	struct flight *handshake = conn->handshake;
	enum step step = conn->steps[handshake->answered];
	struct fault fault = {0};

	if (reply)
		judge_step(step, reply, &fault);
	else
		fault_set(&fault, ERR_REDIS_PROTOCOL, "a huge reply came to the handshake");
	bool last = flight_answer(handshake, reply, &fault);

	if (step == STEP_SELECT && server_is_busy(fault.error)) {
		conn->busy = fault;
	} else if (fault.error &&
		   !(step == STEP_PING &&
			   (server_is_busy(fault.error) || fault.error == ERR_REDIS_UNAVAILABLE))) {
		conn_fail(conn, &fault);
		return;
	}
	if (!last)
		return;
	if (conn->busy.error)
		wait_for_busy(conn);
	else
		become_ready(conn, &fault);
}

bool conn_handshake_again(struct conn *conn)
{
	if (!conn->busy.error || conn->handshake->answered < conn->handshake->count)
		return false;
	conn_set_timer(conn, conn->config->connect_timeout_ms);
	send_handshake(conn);
	return true;
}
