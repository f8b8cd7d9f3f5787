/* SPDX-License-Identifier: MIT */
/*
 * One connection to Redis that mends itself: pipelines in, outcomes out.
 *
 *	submit -> queue -> out (one write a turn) -> Redis -> reader -> reply of the queue's head
 *
 *	WAITING -> RESOLVING -> CONNECTING [-> TLS] -> HANDSHAKE -> READY
 *	   ^------------- any failure: the queue fails, backoff -'
 *
 * Redis answers in order, so the head of the queue is always whom a reply is for. What breaks that
 * order (a reply nobody asked for, a command given up) ends the link: a new one is made and late
 * replies never meet new commands.
 */
#ifndef CW_REDIS_CONN_H
#define CW_REDIS_CONN_H

#include "base/loop.h"
#include "redis/capabilities.h"
#include "redis/conn_tls.h"
#include "redis/pipeline.h"

/* Shared by a node's connections and owned by it; what it points to may be replaced. */
struct conn_config {
	char *name; /* for messages: "unix:/path", "host:port" */
	char *host; /* NULL: `path` is a Unix socket */
	uint16_t port;
	char *path;
	unsigned database;
	char *username, *password; /* NULL = none */
	char *password_file; /* read for each connection, instead of `password`; NULL = none */
	char *spare_key;     /* of our own, never stored: for the look at what is allowed */
	struct capabilities *capabilities;
	struct conn_tls *tls;
	int64_t connect_timeout_ms, command_timeout_ms;
};

/*
 * What its owner wants to know. Called from libuv's callbacks: they store and wake, submit nothing
 * and free no connection.
 */
struct conn_events {
	/* It has entered another state, see conn_state_name(). */
	void (*moved)(void *context);
	/*
	 * READY, and what kind of server it is. `state` is OK, or what Redis answered to PING:
	 * loading, busy, cut off its primary.
	 */
	void (*ready)(void *context, enum server_kind kind, const struct fault *state);
	/*
	 * An attempt failed or a connection broke, and how much that weighs for the breaker. During
	 * a handshake that must wait for a busy Redis it comes with that error; the link stays.
	 */
	void (*failed)(void *context, const struct fault *fault, int64_t weight);
	/* Before the reply reaches its pipeline. */
	void (*replied)(void *context, struct pipeline *pipeline, const struct pipeline_slot *slot,
		const struct redis_value *reply);
};

struct conn;

/* Begins to connect in the loop's next turn. */
struct conn *conn_new(struct loop *loop, const struct conn_config *config,
	const struct conn_events *events, void *context);
/* Flights in the queue fail with ERR_STOPPING. NULL is welcome. */
void conn_free(struct conn *conn);
/* Always takes it; the outcome comes later, or at once where waiting is known to be no use. */
void conn_submit(struct conn *conn, struct pipeline *pipeline);
bool conn_ready(const struct conn *conn);
/* "waiting" (for the next attempt), "resolving", "connecting", "tls", "handshake", "ready". */
const char *conn_state_name(const struct conn *conn);
/* Attempts in a row that came to nothing lasting. */
unsigned conn_attempts(const struct conn *conn);
/* Commands and bytes without an outcome yet. */
size_t conn_waiting(const struct conn *conn);
size_t conn_waiting_bytes(const struct conn *conn);
/*
 * Adds AUTH with the password as it is now, where there is one. ERR_REDIS_AUTH: its file cannot be
 * read, and `fault` says why. Blocks for the time of reading a small file.
 */
enum error conn_add_auth(
	const struct conn_config *config, struct pipeline *pipeline, struct fault *fault);
/* The credentials changed: a connection that is not ready tries now. */
void conn_retry(struct conn *conn);

#endif
