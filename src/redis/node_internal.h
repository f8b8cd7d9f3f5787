/* SPDX-License-Identifier: MIT */
/* The inside of a node, for node*.c. */
#ifndef CW_REDIS_NODE_INTERNAL_H
#define CW_REDIS_NODE_INTERNAL_H

#include "redis/conn.h"
#include "redis/node.h"
#include "redis/own_lookups.h"
#include "redis/pipeline.h"

struct redis_feed;

/* A node's connections. */
enum node_use { USE_COMMANDS, USE_BULK, USE_WRITES, NODE_USES };

_Static_assert((int)NODE_USES == (int)REDIS_CONNECTIONS, "node.h tells how many there are");

struct redis_node {
	struct loop *loop;
	struct event_bus *bus;
	struct metrics *metrics;
	struct log *log;
	struct conn_config config;
	struct conn_tls tls;
	struct member {
		struct redis_node *node;
		enum node_use use;
		struct conn *conn;
	} members[NODE_USES];
	struct breaker breaker;
	bool breaker_told; /* that it is open, by EVENT_BREAKER */
	struct capabilities capabilities;
	struct redis_state state;
	enum redis_view view;
	int64_t checked_at_ms;	  /* of the last permission check */
	bool checked_first;	  /* it was of MULTI and DISCARD only */
	enum server_kind seen;	  /* by the current probe */
	uv_timer_t watch;	  /* runs while a probe may be needed */
	uv_timer_t refresh;	  /* sends AUTH on live connections */
	struct password_wait ask; /* the password for it */
	unsigned timers;	  /* that are not closed yet */
	unsigned refs;
	bool probing;
	bool writes_lost;     /* the connection for writes alone has failed */
	enum node_use probed; /* the connection that the probe was sent on */
	bool checked;	      /* the connection for writes was READY: what is denied is known */
	int64_t heard_at_ms;  /* the last reply on the connection for commands that read */
	bool retired;	      /* its connections are gone */
	void (*changed)(void *context);
	void *changed_context;
	uint64_t moves;
	struct redis_feed *feeds; /* a list of those that listen to it */
	own_lookups_told *told;	  /* see redis_node_watch_own() */
	void *told_context;
};

static inline int64_t node_now_ms(const struct redis_node *node)
{
	return (int64_t)uv_now(loop_uv(node->loop));
}

/* node.c */
struct capabilities_server node_server(const struct redis_node *node);

/* node_state.c */
extern const struct conn_events node_conn_events;
void node_set_kind(struct redis_node *node, enum server_kind kind);
/* The server is not used any more; the next one is unknown. */
void node_left(struct redis_node *node, const struct fault *why);
/* After a permission check, or a refusal. */
void node_take_capabilities(struct redis_node *node);
/* Takes the breaker's state and count over into the node's state. */
void node_note_breaker(struct redis_node *node);
const char *node_use_name(enum node_use use); /* "commands", "bulk", "writes" */

/* feed.c: the same as conn_readdress() for all of the list. */
void redis_feed_readdress(struct redis_feed *feeds, const struct fault *why);

/* node_watch.c */
void node_watch_init(struct redis_node *node);
/* It is not used any more. */
void node_watch_end(struct redis_node *node);
/* Sends AUTH on live connections that often; 0 = never. */
void node_refresh_every(struct redis_node *node, int64_t every_ms);
/* The timer runs while a probe may be needed. */
void node_watch_while_needed(struct redis_node *node);
/* Takes a reply to a probe. */
void node_take_probe(
	struct redis_node *node, const struct pipeline *pipeline, const struct redis_value *reply);

#endif
