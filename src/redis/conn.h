/* SPDX-License-Identifier: MIT */
/*
 * One connection to Redis that reconnects by itself: pipelines in, outcomes out.
 *
 *	submit -> queue -> out (one write a turn) -> Redis -> reader -> reply of the queue's head
 *
 *	WAITING -> RESOLVING -> CONNECTING [-> TLS] [-> PASSWORD] -> HANDSHAKE -> READY
 *	   ^------------- any failure: the queue fails, backoff -'
 *
 * Redis answers in order, so each reply is for the head of the queue. Whatever breaks that order (a
 * reply without a request, a command that timed out) closes the link: a new one is made, so that
 * late replies are never taken for those of new commands.
 */
#ifndef CW_REDIS_CONN_H
#define CW_REDIS_CONN_H

#include "base/loop.h"
#include "redis/capabilities.h"
#include "redis/conn_tls.h"
#include "redis/password.h"
#include "redis/pipeline.h"

/* Shared by a node's connections and owned by it; what it points to may be replaced. */
struct conn_config {
	char *name; /* for messages: "unix:/path", "host:port" */
	char *host; /* NULL: `path` is a Unix socket */
	uint16_t port;
	char *path;
	/* Why there is neither host nor path; OK: they are being looked for. */
	struct fault no_address;
	unsigned database;
	char *username, *password; /* NULL = none */
	char *password_file;	  /* read for each connection, instead of `password`; NULL = none */
	struct password *printed; /* the same by a command, where it has one; may be NULL */
	char *spare_key;	  /* of our own, never stored: for the permission check */
	bool in_cluster;	  /* the server is used as the node of a cluster */
	struct capabilities *capabilities;
	struct conn_tls *tls;
	int64_t connect_timeout_ms, command_timeout_ms;
};

/*
 * Reports to the owner. Called from libuv's callbacks: they store and wake; they must not submit,
 * and must not free a connection.
 */
struct conn_events {
	/* It has entered another state, see conn_state_name(). */
	void (*moved)(void *context);
	/*
	 * READY, with the kind of server. `state` is OK, or the error that Redis answered to PING:
	 * loading, busy, no primary.
	 */
	void (*ready)(void *context, enum server_kind kind, const struct fault *state);
	/*
	 * An attempt failed or a connection broke; `weight` is the number of failures for the
	 * breaker. 0: the handshake must wait for a busy Redis, whose error it is; the link stays.
	 */
	void (*failed)(void *context, const struct fault *fault, int64_t weight);
	/* Before the reply reaches its pipeline. */
	void (*replied)(void *context, struct pipeline *pipeline, const struct pipeline_slot *slot,
		const struct redis_value *reply);
	/* Whether what waited for the connection may be sent, now that READY was reported. */
	enum error (*judge)(void *context, const struct redis_batch *batch, struct fault *fault);
	/*
	 * A message of the channel, or a line of MONITOR: see conn_subscribe(). NULL where it
	 * listens to nothing.
	 */
	void (*received)(void *context, const struct redis_value *message);
};

struct conn;

/* Begins to connect in the loop's next turn. */
struct conn *conn_new(struct loop *loop, const struct conn_config *config,
	const struct conn_events *events, void *context);
/* For conn_subscribe(): every command that the server runs. */
#define CONN_MONITOR ""
/*
 * Before its first turn: the channel that the connection subscribes to whenever it is made, or
 * CONN_MONITOR for MONITOR. Borrowed. It takes no commands then.
 */
void conn_subscribe(struct conn *conn, const char *channel);
/*
 * Before its first turn: it is for commands that write, so that they are in its permission check. A
 * server that holds writes back holds that check back: the connection is READY afterwards.
 */
void conn_write(struct conn *conn);
/* Whether its last attempt, or its last command, failed because no answer came in time. */
bool conn_hung(const struct conn *conn);
/* Whether Redis has refused its last attempt by an error (maxclients). */
bool conn_turned_away(const struct conn *conn);
/* Pipelines in the queue fail as if the connection were lost for this reason. `conn` may be NULL.
 */
void conn_free(struct conn *conn, const struct fault *fault);
/* Takes ownership; the outcome comes later, or at once if waiting is pointless. */
void conn_submit(struct conn *conn, struct pipeline *pipeline);
bool conn_ready(const struct conn *conn);
/*
 * "waiting" (for the next attempt), "resolving", "connecting", "tls", "password" (a command is to
 * print it), "handshake", "ready".
 */
const char *conn_state_name(const struct conn *conn);
/* Attempts in a row without a lasting connection. */
unsigned conn_attempts(const struct conn *conn);
/* Commands and bytes without an outcome yet. */
size_t conn_waiting(const struct conn *conn);
size_t conn_waiting_bytes(const struct conn *conn);
/*
 * Adds AUTH with the password as it is now, where there is one; `printed` is what the command has
 * printed, if there is one. ERR_REDIS_AUTH: its file cannot be
 * read, and `fault` says why. Blocks for the time of reading a small file.
 */
enum error conn_add_auth(const struct conn_config *config, struct slice printed,
	struct pipeline *pipeline, struct fault *fault);
/* The credentials changed: a connection that is not ready tries now. */
void conn_retry(struct conn *conn);
/*
 * The address changed: the link is closed at once, and pipelines fail as if the connection were
 * lost for the reason `why`, those that were not sent yet, too. NULL: there was no address, and
 * they go on waiting. Then it connects to the new one.
 */
void conn_readdress(struct conn *conn, const struct fault *why);

#endif
