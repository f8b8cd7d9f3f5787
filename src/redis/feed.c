/* SPDX-License-Identifier: MIT */
/* A listening connection beside those of a node; see feed.h. */
#include "redis/feed.h"

#include <stdio.h>

#include "base/mem.h"
#include "redis/node_internal.h"

struct redis_feed {
	struct redis_node *node;
	struct redis_feed *next, **place; /* in the node's list, and what leads here in it */
	struct conn *conn;
	enum redis_feed_kind kind;
	char channel[40];
	void (*received)(void *context, struct slice text);
	void *context;
	struct fault fault;
};

static void moved(void *context)
{
	(void)context;
}

static void ready(void *context, enum server_kind kind, const struct fault *state)
{
	struct redis_feed *feed = context;

	(void)kind;
	feed->fault = *state;
}

static void failed(void *context, const struct fault *fault, int64_t weight)
{
	struct redis_feed *feed = context;

	(void)weight;
	feed->fault = *fault;
}

static void replied(void *context, struct pipeline *pipeline, const struct pipeline_slot *slot,
	const struct redis_value *reply)
{
	(void)context;
	(void)pipeline;
	(void)slot;
	(void)reply;
}

/* ["message", channel, key], or the status that is a line of MONITOR. */
static void take_message(void *context, const struct redis_value *message)
{
	struct redis_feed *feed = context;

	if (feed->kind == REDIS_FEED_COMMANDS && message->type == REDIS_STATUS)
		feed->received(feed->context, message->text);
	else if (feed->kind == REDIS_FEED_MISSES && message->type == REDIS_ARRAY &&
		 message->count == 3)
		feed->received(feed->context, redis_value_item(message, 2));
}

static const struct conn_events events = {
	.moved = moved,
	.ready = ready,
	.failed = failed,
	.replied = replied,
	.received = take_message,
};

struct redis_feed *redis_feed_new(struct redis_node *node, enum redis_feed_kind kind,
	void (*received)(void *context, struct slice text), void *context)
{
	struct redis_feed *feed = mem_new(struct redis_feed);

	feed->node = redis_node_ref(node);
	feed->kind = kind;
	feed->received = received;
	feed->context = context;
	snprintf(feed->channel, sizeof feed->channel, "__keyevent@%u__:keymiss",
		node->config.database);
	feed->place = &node->feeds;
	feed->next = node->feeds;
	if (feed->next)
		feed->next->place = &feed->next;
	node->feeds = feed;
	feed->conn = conn_new(node->loop, &node->config, &events, feed);
	conn_subscribe(feed->conn, kind == REDIS_FEED_MISSES ? feed->channel : CONN_MONITOR);
	return feed;
}

void redis_feed_free(struct redis_feed *feed)
{
	struct fault closing;

	if (!feed)
		return;
	fault_set(&closing, ERR_STOPPING, "the connection to Redis is being closed");
	conn_free(feed->conn, &closing);
	*feed->place = feed->next;
	if (feed->next)
		feed->next->place = feed->place;
	redis_node_unref(feed->node);
	mem_free(feed);
}

void redis_feed_readdress(struct redis_feed *feeds, const struct fault *why)
{
	for (struct redis_feed *feed = feeds; feed; feed = feed->next)
		conn_readdress(feed->conn, why);
}

bool redis_feed_ready(const struct redis_feed *feed)
{
	return conn_ready(feed->conn);
}

const struct fault *redis_feed_fault(const struct redis_feed *feed)
{
	return &feed->fault;
}
