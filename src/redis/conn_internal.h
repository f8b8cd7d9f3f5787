/* SPDX-License-Identifier: MIT */
/* What conn.c (life), conn_queue.c (pipelines) and conn_link.c (bytes) of a connection share. */
#ifndef CW_REDIS_CONN_INTERNAL_H
#define CW_REDIS_CONN_INTERNAL_H

#include "redis/conn.h"
#include "redis/resolver.h"
#include "redis/resp.h"

enum conn_state {
	CONN_WAITING,
	CONN_RESOLVING,
	CONN_CONNECTING,
	CONN_TLS,
	CONN_HANDSHAKE,
	CONN_READY,
	CONN_CLOSED,
};

struct link;

struct conn {
	struct loop *loop;
	const struct conn_config *config;
	const struct conn_events *events;
	void *context;

	enum conn_state state;
	struct link *link; /* NULL while WAITING and RESOLVING */
	struct resp *reader;
	struct resolver resolver; /* TCP only */
	unsigned address;	  /* the next of the resolver's to try */
	uv_timer_t timer;	  /* backoff while WAITING, else the attempt's deadline */
	uv_timer_t watch;	  /* the deadline of the queue's head */
	unsigned open_handles;
	int64_t deadline_ms; /* of the attempt */
	int64_t ready_ms;
	unsigned attempts; /* in a row that came to nothing lasting */
	uint64_t random;
	struct fault last; /* why it is not READY */

	struct pipeline *handshake; /* its replies come first */
	bool second;		    /* it is the second write of the handshake */
	unsigned char steps[8];	    /* what each of its commands before the look is */
	size_t look_at;		    /* where the look at what is allowed begins; SIZE_MAX = none */
	enum server_kind kind;
	struct fault unselected;  /* why SELECT was refused */
	struct fault state_fault; /* what PING was answered with: loading, busy, cut off */
	struct pipeline *first, *tail;
	struct pipeline *unsent; /* the first of the queue that is not in `out` yet */
	size_t waiting, waiting_bytes;

	struct loop_flush flush;
	struct buf out;
	uint64_t appended, handed; /* bytes that ever went into `out`, and to the kernel or libuv */
	char *input;
};

/* conn.c */
void conn_set_state(struct conn *conn, enum conn_state state);
void conn_set_timer(struct conn *conn, int64_t delay_ms);
/* Ends the link and every pipeline; tries again later. The fault is the head's own. */
void conn_fail(struct conn *conn, const struct fault *fault);
/*
 * Redis closed the link: true where it had been idle for a while, as its `timeout`
 * does. That is not a failure; it connects again.
 */
bool conn_closed_idle(struct conn *conn);
/* The link does not come about. */
void conn_refused(struct conn *conn, int status);

/* conn_handshake.c */
/* The link stands. */
void conn_linked(struct conn *conn);
void conn_handshake_reply(struct conn *conn, struct redis_value *reply);
/* The timer fired: true where that was to ask a busy Redis again. */
bool conn_handshake_again(struct conn *conn);

/* conn_queue.c */
void conn_queue_init(struct conn *conn);
/* Puts the queue's unsent pipelines into `out`. */
void conn_send_queued(struct conn *conn);
void conn_send(struct conn *conn, struct pipeline *pipeline);
/* One reply (NULL: past a cap). False where nobody asked for it. */
bool conn_deliver(struct conn *conn, struct redis_value *reply);
/*
 * Every pipeline fails: the head with the fault itself, others with an unknown outcome where they
 * were written, else ERR_REDIS_UNAVAILABLE or what else the fault says of the server as a whole.
 */
void conn_fail_queue(struct conn *conn, const struct fault *fault);

/* conn_link.c */
enum { CONN_INPUT_BYTES = 32 * 1024 };
/* conn_linked or conn_refused comes later, unless TCP gives libuv's error at once. */
void conn_link_open_unix(struct conn *conn, const char *path);
int conn_link_open_tcp(struct conn *conn, const struct sockaddr *address);
/* Cuts it off at once; it is closed behind the scenes. */
void conn_link_drop(struct conn *conn);
void conn_link_flush(struct loop_flush *flush);

#endif
