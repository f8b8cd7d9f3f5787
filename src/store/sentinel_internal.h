/* SPDX-License-Identifier: MIT */
/* What sentinel.c (the fiber), sentinel_judge.c and sentinel_peer.c (one sentinel) share. */
#ifndef CW_STORE_SENTINEL_INTERNAL_H
#define CW_STORE_SENTINEL_INTERNAL_H

#include "base/fiber.h"
#include "redis/conn.h"
#include "store/sentinel.h"
#include "store/sentinel_answer.h"

enum { SENTINEL_VERIFY_MS = 2000 }; /* for asking a server for its role */

/* One sentinel: a connection for questions, and one that hears of failovers. */
struct sentinel_peer {
	struct sentinel *sentinel;
	char *address;
	struct conn_tls tls;
	struct capabilities capabilities;
	struct sentinel_link {
		struct sentinel_peer *peer;
		struct conn_config config;
		struct conn *conn;
		struct fault fault; /* why it is not connected; OK = it is */
	} queries, subscription;
	bool asking;		       /* a fiber waits for its answer */
	bool answered;		       /* `answer` is of this look */
	bool known;		       /* at least one question has ended */
	bool told;		       /* that it is of no use, as an event */
	struct sentinel_answer answer; /* of the last question; without host: none */
	struct fault fault;	       /* of the last question */
	/* Why the server that it names is of no use; OK if that is not known. */
	struct fault named;
	int64_t differs_since_ms; /* since when it names another server than is used; 0 = it does not */
};

struct sentinel {
	struct loop *loop;
	struct redis_node_options node_options;
	const struct conf_redis *conf;
	struct redis_node *primary;
	char *master;
	struct sentinel_peer *peers;
	size_t count;
	struct fiber_group group;
	struct fiber_cond wake;	    /* there is a reason to look again */
	struct fiber_cond answered; /* a sentinel has answered */
	struct fiber_cond visited;  /* a server has told its role */
	bool woken;
	int64_t asked_at_ms;
	struct sentinel_answer current; /* where the primary is; without host: not known */
	int64_t epoch;			/* the newest that was told for it */
	uint64_t turns;			/* how often `current` has changed */
	int64_t switched_at_ms;		/* when it has last */
	unsigned failed_rounds;		/* looks in a row while the primary does not serve */
	uint64_t random;
};

/* sentinel.c */
void sentinel_wake(struct sentinel *sentinel);
/* A sentinel says that a failover was made. */
void sentinel_switched(struct sentinel *sentinel, const struct sentinel_answer *before,
	const struct sentinel_answer *now);
/* The primary is at this address from now on. */
void sentinel_use(struct sentinel *sentinel, const struct sentinel_answer *answer);

/* sentinel_judge.c */
/* Judges what was answered, and follows it. Parks. */
enum error sentinel_judge(struct sentinel *sentinel);

/* sentinel_peer.c */
void sentinel_peer_init(
	struct sentinel_peer *peer, struct sentinel *sentinel, const struct conf_address *address);
/* Its fiber has ended. */
void sentinel_peer_release(struct sentinel_peer *peer);
void sentinel_peer_configure(struct sentinel_peer *peer, const struct conf_redis *conf);
/* Asks for the address, unless the last question still waits; signals `answered`. */
void sentinel_peer_ask(struct sentinel_peer *peer);

#endif
