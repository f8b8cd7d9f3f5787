/* SPDX-License-Identifier: MIT */
/*
 * Sentinels: they tell the address of the primary, which changes with each failover.
 *
 *	each sentinel <- question, every redis.topology_refresh and while the node is down
 *	              -> message of a failover, at once
 *	address -> a connection that asks for the role -> redis_node_readdress()
 *
 * One fiber asks all sentinels at once and judges their answers. The address with the newest
 * configuration epoch counts, then the one that most of them name; a working primary is left only
 * for a server that says that it is one. A message of a failover is followed at once: the
 * connections to the server that was the primary are closed before anything else is sent.
 *
 * Special: the address in use has an epoch, too. A sentinel that was stopped or cut off during a
 * failover still names the last primary, which may still believe that it is one: an answer with an
 * older epoch counts only if most of the sentinels give it long after that.
 */
#ifndef CW_STORE_SENTINEL_H
#define CW_STORE_SENTINEL_H

#include "redis/node.h"

struct sentinel;

struct sentinel_options {
	const struct redis_node_options *node; /* for connections that ask for a role; copied */
	struct redis_node *primary;	       /* whose address is set */
};

/* Begins to ask. What the options point to must live as long; of their conf a copy is not needed.
 */
struct sentinel *sentinel_new(const struct sentinel_options *options);
/* Ends its fibers and connections. May be NULL. Parks. */
void sentinel_free(struct sentinel *sentinel);
/* Credentials and times of a reloaded configuration, which must live as long as the last one. */
void sentinel_reconfigure(struct sentinel *sentinel, const struct conf_redis *conf);
/* The primary's state changed: if it does not serve, the sentinels are asked at once. */
void sentinel_look(struct sentinel *sentinel);

/* One sentinel of redis.url as it was last seen. */
struct sentinel_view {
	const char *address; /* "host:port" */
	struct fault fault;  /* why it is of no use; OK = it is, or was not asked yet */
};
size_t sentinel_count(const struct sentinel *sentinel);
void sentinel_view(const struct sentinel *sentinel, size_t i, struct sentinel_view *ret);
/* Waits until each was asked once. Parks. */
void sentinel_await(struct sentinel *sentinel, int64_t deadline);

#endif
