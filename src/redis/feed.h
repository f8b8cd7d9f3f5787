/* SPDX-License-Identifier: MIT */
/*
 * A connection of its own to a server that only listens: to the names of keys that clients looked
 * up in vain (key-miss events of our database), or to every command (MONITOR).
 *
 * It connects again by itself, and listens again then. What happens meanwhile is lost. Failures of
 * it do not concern the server's state.
 */
#ifndef CW_REDIS_FEED_H
#define CW_REDIS_FEED_H

#include "redis/node.h"

enum redis_feed_kind { REDIS_FEED_MISSES, REDIS_FEED_COMMANDS };

struct redis_feed;

/*
 * Begins to connect; keeps a reference to the node. received() gets the key, or the line as MONITOR
 * writes it (redis/monitor_line.h), valid during the call only. It must not park, nor free a feed.
 */
struct redis_feed *redis_feed_new(struct redis_node *node, enum redis_feed_kind kind,
	void (*received)(void *context, struct slice text), void *context);
/* May be NULL. */
void redis_feed_free(struct redis_feed *feed);
/* Whether it listens to the server that the node has now. */
bool redis_feed_ready(const struct redis_feed *feed);
/* Why it does not listen; OK = it does, or has not failed yet. */
const struct fault *redis_feed_fault(const struct redis_feed *feed);

#endif
