/* SPDX-License-Identifier: MIT */
/*
 * The queue of a connection: commands that wait for replies, and their deadlines.
 *
 *	first ... unsent ... tail
 *	[ in `out` or written ][ waits for READY ]
 *
 * Special: one timer watches the head. It is set when the queue becomes non-empty and then moved
 * only when it fires, so that an answered command costs no timer work.
 */
#include <assert.h>

#include "base/mem.h"
#include "redis/conn_internal.h"

static int64_t now_ms(const struct conn *conn)
{
	return (int64_t)uv_now(loop_uv(conn->loop));
}

static struct pipeline *pop(struct conn *conn)
{
	struct pipeline *pipeline = conn->first;

	conn->first = pipeline->next;
	if (!conn->first)
		conn->tail = NULL;
	if (conn->unsent == pipeline)
		conn->unsent = pipeline->next;
	pipeline->next = NULL;
	conn->waiting -= pipeline->count - pipeline->answered;
	conn->waiting_bytes -= pipeline->bytes.n;
	return pipeline;
}

/* Before READY nothing was sent, so only overdue pipelines fail. */
static void drop_overdue(struct conn *conn)
{
	while (conn->first && conn->first->deadline_ms <= now_ms(conn))
		pipeline_fail(pop(conn), &conn->last);
}

static void head_overdue(struct conn *conn)
{
	struct fault fault;

	if (resp_skipping(conn->reader))
		fault_set(&fault, ERR_REPLY_TOO_LARGE,
			"the reply is larger than %d MiB or %d elements, and did not end in time",
			RESP_MAX_BYTES >> 20, RESP_MAX_ELEMENTS);
	else
		fault_set(&fault, ERR_TIMEOUT,
			"Redis at %s did not answer within %lld ms; the outcome of the command "
			"is unknown",
			conn->config->name, (long long)conn->config->command_timeout_ms);
	conn_fail(conn, &fault);
}

static void watch_fired(uv_timer_t *timer);

static void watch_head(struct conn *conn)
{
	int64_t delay = conn->first->deadline_ms - now_ms(conn);

	uv_timer_start(&conn->watch, watch_fired, delay > 0 ? (uint64_t)delay : 0, 0);
}

static void watch_fired(uv_timer_t *timer)
{
	struct conn *conn = timer->data;

	if (conn->state != CONN_READY)
		drop_overdue(conn);
	else if (conn->first && conn->first->deadline_ms <= now_ms(conn))
		head_overdue(conn);
	if (conn->first)
		watch_head(conn);
}

void conn_send(struct conn *conn, struct pipeline *pipeline)
{
	pipeline->sent = true;
	pipeline->stream_at = conn->appended;
	pipeline->deadline_ms = now_ms(conn) + conn->config->command_timeout_ms;
	buf_add(&conn->out, buf_slice(&pipeline->bytes));
	conn->appended += pipeline->bytes.n;
	loop_flush_later(conn->loop, &conn->flush);
}

static bool refused(struct conn *conn, const struct pipeline *pipeline)
{
	return pipeline->batch && conn->events->judge &&
	       conn->events->judge(conn->context, pipeline->batch, &conn->refusal) != OK;
}

void conn_send_queued(struct conn *conn)
{
	struct pipeline **at = &conn->first;

	assert(conn->unsent == conn->first);
	conn->tail = NULL;
	while (*at) {
		struct pipeline *pipeline = *at;

		/* No fiber waits for it, or another server was expected. */
		if ((!pipeline->batch && !pipeline->probe) || refused(conn, pipeline)) {
			*at = pipeline->next;
			pipeline->next = NULL;
			conn->waiting -= pipeline->count;
			conn->waiting_bytes -= pipeline->bytes.n;
			pipeline_fail(pipeline, &conn->refusal);
			continue;
		}
		conn_send(conn, pipeline);
		conn->tail = pipeline;
		at = &pipeline->next;
	}
	conn->unsent = NULL;
}

void conn_submit(struct conn *conn, struct pipeline *pipeline)
{
	/* After refused credentials the next attempt is seconds away. */
	if (conn->state == CONN_WAITING && conn->last.error == ERR_REDIS_AUTH) {
		pipeline_fail(pipeline, &conn->last);
		return;
	}
	pipeline->next = NULL;
	pipeline->sent = false;
	if (conn->tail)
		conn->tail->next = pipeline;
	else
		conn->first = pipeline;
	conn->tail = pipeline;
	conn->waiting += pipeline->count;
	conn->waiting_bytes += pipeline->bytes.n;
	if (conn->state == CONN_READY) {
		conn_send(conn, pipeline);
	} else {
		pipeline->deadline_ms = now_ms(conn) + conn->config->command_timeout_ms;
		if (!conn->unsent)
			conn->unsent = pipeline;
	}
	if (!uv_is_active((uv_handle_t *)&conn->watch))
		watch_head(conn);
}

static bool asked(const struct conn *conn, const struct pipeline *pipeline)
{
	return pipeline && pipeline->sent &&
	       pipeline->stream_at + pipeline->slots[pipeline->answered].end <= conn->handed;
}

static bool is_message(const struct conn *conn, const struct redis_value *reply)
{
	if (!conn->channel || conn->state != CONN_READY || !reply)
		return false;
	if (!*conn->channel)
		return reply->type == REDIS_STATUS;
	return reply->type == REDIS_ARRAY && slice_is(redis_value_item(reply, 0), "message");
}

bool conn_deliver(struct conn *conn, struct redis_value *reply)
{
	struct pipeline *pipeline = conn->state == CONN_HANDSHAKE ? conn->handshake : conn->first;
	struct fault fault;

	if (is_message(conn, reply)) {
		conn->events->received(conn->context, reply);
		redis_value_free(reply);
		return true;
	}
	if (conn->state == CONN_PASSWORD)
		return conn_handshake_early(conn, reply);
	if (!asked(conn, pipeline))
		return false;
	if (conn->state == CONN_HANDSHAKE) {
		conn_handshake_reply(conn, reply);
		return true;
	}
	const struct pipeline_slot *slot = &pipeline->slots[pipeline->answered];

	if (reply) {
		conn->events->replied(conn->context, pipeline, slot, reply);
		if (commands_check(slot->command, slot->keys, reply, &fault)) {
			redis_value_free(reply);
			reply = NULL;
		}
	} else
		fault_set(&fault, ERR_REPLY_TOO_LARGE,
			"the reply is larger than %d MiB, %d elements or %d levels",
			RESP_MAX_BYTES >> 20, RESP_MAX_ELEMENTS, RESP_MAX_DEPTH);
	if (pipeline->answered + 1 == pipeline->count)
		pop(conn);
	else
		conn->waiting--;
	if (pipeline_answer(pipeline, reply, reply ? NULL : &fault))
		redis_batch_end(pipeline);
	return true;
}

/* The fault of a command that was not fully written: Redis has not run it. */
static struct fault not_sent(const struct fault *fault)
{
	struct fault ret = *fault;

	switch (fault->error) {
	case ERR_REDIS_UNKNOWN_OUTCOME:
	case ERR_TIMEOUT:
	case ERR_REPLY_TOO_LARGE:
		ret.error = ERR_REDIS_UNAVAILABLE;
		snprintf(ret.detail, sizeof ret.detail,
			"the connection to Redis was lost before the command was sent");
		return ret;
	default:
		return ret;
	}
}

/* The fault of a written command that did not cause it. */
static struct fault overtaken(const struct fault *fault)
{
	struct fault ret = *fault;

	if (fault->error == ERR_STOPPING || fault->error == ERR_REDIS_UNKNOWN_OUTCOME)
		return ret;
	fault_set(&ret, ERR_REDIS_UNKNOWN_OUTCOME,
		"the connection to Redis was closed before it answered: %.400s", fault->detail);
	return ret;
}

void conn_fail_queue(struct conn *conn, const struct fault *fault)
{
	struct fault unsent = not_sent(fault), written = overtaken(fault);
	struct pipeline *next, *pipeline = conn->first;
	bool head = true;

	conn->first = conn->tail = conn->unsent = NULL;
	conn->waiting = conn->waiting_bytes = 0;
	for (; pipeline; pipeline = next) {
		next = pipeline->next;
		pipeline->next = NULL;
		while (pipeline->answered < pipeline->count) {
			const struct fault *own = head ? fault : &written;

			if (!asked(conn, pipeline))
				own = &unsent;
			pipeline_answer(pipeline, NULL, own);
			head = false;
		}
		redis_batch_end(pipeline);
	}
}

bool conn_ready(const struct conn *conn)
{
	return conn->state == CONN_READY;
}

const char *conn_state_name(const struct conn *conn)
{
	static const char *const names[] = {"waiting", "resolving", "connecting", "tls", "password",
		"handshake", "ready", "closed"};

	return names[conn->state];
}

unsigned conn_attempts(const struct conn *conn)
{
	return conn->attempts;
}

size_t conn_waiting(const struct conn *conn)
{
	return conn->waiting;
}

size_t conn_waiting_bytes(const struct conn *conn)
{
	return conn->waiting_bytes;
}

void conn_queue_init(struct conn *conn)
{
	uv_timer_init(loop_uv(conn->loop), &conn->watch);
	conn->watch.data = conn;
}
