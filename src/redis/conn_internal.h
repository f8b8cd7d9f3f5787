/* SPDX-License-Identifier: MIT */
/* What conn.c (life), conn_queue.c (pipelines) and conn_link.c (bytes) of a connection share. */
#ifndef CW_REDIS_CONN_INTERNAL_H
#define CW_REDIS_CONN_INTERNAL_H

#include "base/crypto.h"
#include "conf/file.h"
#include "redis/conn.h"
#include "redis/resolver.h"
#include "redis/resp.h"

enum conn_state {
	CONN_WAITING,
	CONN_RESOLVING,
	CONN_CONNECTING,
	CONN_TLS,
	CONN_PASSWORD,
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
	const char *channel; /* that it listens to, see conn_subscribe(); NULL = none */

	bool writes;	  /* see conn_write() */
	bool hung;	  /* see conn_hung() */
	bool turned_away; /* see conn_turned_away() */

	enum conn_state state;
	struct link *link; /* NULL while WAITING and RESOLVING */
	struct resp *reader;
	struct resolver resolver; /* TCP only */
	unsigned address;	  /* the next of the resolver's to try */
	uv_timer_t timer;	  /* backoff while WAITING, else the attempt's deadline */
	uv_timer_t watch;	  /* the deadline of the queue's head */
	unsigned open_handles;
	int64_t deadline_ms;		  /* of the attempt */
	int64_t retry_at_ms;		  /* when the next one is due */
	struct password_wait ask;	  /* while PASSWORD */
	struct buf password;		  /* that a command has printed, until READY */
	bool has_refused;		  /* Redis has refused a printed one: */
	uint8_t refused[SHA256_BYTES];	  /* this */
	struct file_stamp password_stamp; /* of the password file that the last AUTH came from */
	int64_t ready_at_ms;
	unsigned attempts; /* in a row without a lasting connection */
	uint64_t random;
	struct fault last;    /* why it is not READY */
	struct fault refusal; /* of what had waited for READY */

	struct pipeline *handshake; /* its replies come first */
	bool second;		    /* it is the second write of the handshake */
	unsigned char steps[8];	    /* enum step of its commands before the check */
	size_t check_at;	    /* where the permission check begins; SIZE_MAX = none */
	enum server_kind kind;
	struct fault unselected;  /* why SELECT was refused */
	struct fault state_fault; /* the error reply to PING: loading, busy, no primary */
	struct pipeline *first, *tail;
	struct pipeline *unsent; /* the first of the queue that is not in `out` yet */
	size_t waiting, waiting_bytes;

	struct loop_flush flush;
	struct buf out;
	uint64_t appended, handed; /* bytes in all: put into `out`, passed to the kernel or libuv */
	char *input;
};

/* conn.c */
void conn_set_state(struct conn *conn, enum conn_state state);
void conn_set_timer(struct conn *conn, int64_t delay_ms);
/* Ends the link and every pipeline; tries again later. The fault is the head's own. */
void conn_fail(struct conn *conn, const struct fault *fault);
/*
 * Redis closed the link: true if it had been idle, as by Redis's `timeout`. That is not a
 * failure; it connects again.
 */
bool conn_closed_idle(struct conn *conn);
/* The password is still the refused one: waits on, without sending it. */
void conn_wait_on(struct conn *conn);
/* The link could not be made. */
void conn_refused(struct conn *conn, int status);

/* conn_handshake.c */
/* The link was made. */
void conn_linked(struct conn *conn);
void conn_handshake_reply(struct conn *conn, struct redis_value *reply);
/* A reply while PASSWORD, before anything was sent: false if it is not a refusal. */
bool conn_handshake_early(struct conn *conn, struct redis_value *reply);
/* The timer fired: true if that was to ask a busy Redis again. */
bool conn_handshake_again(struct conn *conn);

/* conn_queue.c */
void conn_queue_init(struct conn *conn);
/* Puts the queue's unsent pipelines into `out`. */
void conn_send_queued(struct conn *conn);
void conn_send(struct conn *conn, struct pipeline *pipeline);
/* One reply (NULL: over a limit). False if there was no request for it. */
bool conn_deliver(struct conn *conn, struct redis_value *reply);
/*
 * Every pipeline fails: the head with the fault itself, others with an unknown outcome if they were
 * written, else with ERR_REDIS_UNAVAILABLE or the fault if that concerns the whole server.
 */
void conn_fail_queue(struct conn *conn, const struct fault *fault);

/* conn_link.c */
enum { CONN_INPUT_BYTES = 32 * 1024 };
/* conn_linked or conn_refused comes later, unless TCP gives libuv's error at once. */
void conn_link_open_unix(struct conn *conn, const char *path);
int conn_link_open_tcp(struct conn *conn, const struct sockaddr *address);
/* Detaches it at once; it is closed in the background. */
void conn_link_drop(struct conn *conn);
void conn_link_flush(struct loop_flush *flush);

#endif
