/* SPDX-License-Identifier: MIT */
/*
 * One Redis server: its connections by priority, its queue bound, its breaker, its state.
 *
 *	batch -> queue bound -> breaker -> conn -> one write a turn -> replies -> batch
 *
 * A node connects by itself and never stops trying, with full-jitter backoff that grows from 50 ms
 * to 500 ms, so that service is back within a second of Redis's return; to 2 s if Redis answers but
 * refuses (too many clients); 5 to 30 s after NOAUTH and WRONGPASS. Names are resolved in the
 * thread pool, so that DNS does not block the loop.
 */
#ifndef CW_REDIS_NODE_H
#define CW_REDIS_NODE_H

#include "base/breaker.h"
#include "base/event.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "conf/conf.h"
#include "redis/batch.h"
#include "redis/capabilities.h"
#include "redis/commands.h"

/* Bulk work (passes, warm runs) has its own connection, so it never delays a GET in a queue. */
enum redis_priority { REDIS_COMMANDS, REDIS_BULK };
/*
 * Batches of the first kind have two: those with a command that writes have one of their own.
 * During a failover a server holds writes back (CLIENT PAUSE), and with them what follows on the
 * same connection: so reads go on.
 */
enum { REDIS_CONNECTIONS = 3 };

enum redis_status { REDIS_UP, REDIS_DOWN, REDIS_IS_LOADING, REDIS_IS_BUSY };
const char *redis_node_status_name(enum redis_status status); /* "up", "down", "loading", "busy" */

struct redis_state {
	enum redis_status status;
	int64_t since_wall_ms;
	enum breaker_state breaker;
	int64_t breaker_since_wall_ms;
	int64_t breaker_failures; /* in a row */
	struct fault last_error;  /* OK = none */
	enum server_kind kind;
	/* Why it may not be written to: ERR_NOT_PRIMARY, ERR_CLUSTER_NODE; OK = it may. */
	struct fault unfit;
	/* Writes are held back though it answers reads; OK = not as far as is known. */
	struct fault stalled;
	uint64_t lacks; /* commands that it denies: redis_node_lack() says which */
	int64_t connection_failures;
	struct commands_tally own; /* hits and misses that were cachewarden's own */
};

struct redis_node;

struct redis_node_options {
	struct loop *loop;
	struct event_bus *bus;	 /* EVENT_REDIS_STATE */
	struct metrics *metrics; /* connection failures, breaker; may be NULL */
	const struct conf_redis *conf;
	struct log *log; /* states of connections and breaker, at level debug; may be NULL */
	/* What redis.password_command prints, for the nodes of a store; NULL = no command. */
	struct password *password;
	bool in_cluster; /* it is a node of a cluster: what it has is the caller's business */
	/* Its status changed, before the event; as conn_events. May be NULL. */
	void (*changed)(void *context);
	void *context;
};

/* Copies what it needs of the options' conf, and begins to connect. */
struct redis_node *redis_node_new(const struct redis_node_options *options);
/* A reference is held by its maker, and by code that keeps the node across a park. */
struct redis_node *redis_node_ref(struct redis_node *node);
/* With the last one it is retired, and freed by the loop's close callbacks. May be NULL. */
void redis_node_unref(struct redis_node *node);
/*
 * Ends its connections. ERR_STOPPING: batches in flight fail with it; others: as if the connections
 * were lost for that reason. From then on it refuses batches with ERR_REDIS_UNAVAILABLE.
 */
void redis_node_retire(struct redis_node *node, enum error error, const char *why);
bool redis_node_retired(const struct redis_node *node);
/* Timeouts, breaker and credentials of a reloaded configuration; the address cannot change. */
void redis_node_reconfigure(struct redis_node *node, const struct conf_redis *conf);
/*
 * The server is another one from now on. Connections to the last one are closed at once, and what
 * waits on them fails as if they were lost. Not to be called by conn_events of this node.
 */
void redis_node_readdress(struct redis_node *node, const char *host, uint16_t port);
/*
 * There is no server for the reason `why`, as far as is known: commands fail with it until
 * redis_node_readdress(). Its error is OK at first, while commands wait.
 */
void redis_node_unaddress(struct redis_node *node, const struct fault *why);
/* How often the server has become another one. What began before may be unknown to the new one. */
uint64_t redis_node_moves(const struct redis_node *node);

/*
 * Queues the batch as a whole, or refuses it at once: ERR_OVERLOADED if 1,536 commands or 64 MiB
 * wait already (256 MiB of REDIS_BULK), ERR_REDIS_UNAVAILABLE, _LOADING, _BUSY, _AUTH with an open
 * breaker. The command timeout applies twice: until the command is sent, and from then on.
 *
 * Also refused as a whole if the server is not the primary of all keys (a replica may be read) or
 * denies one of the commands: ERR_NOT_PRIMARY, ERR_CLUSTER_NODE, ERR_REDIS_NOPERM.
 *
 * If the connection is lost, a command that was written gets ERR_REDIS_UNKNOWN_OUTCOME (the one
 * that timed out: ERR_TIMEOUT), others ERR_REDIS_UNAVAILABLE. A reply over 64 MiB, a million
 * elements or 8 levels is ERR_REPLY_TOO_LARGE for its command only.
 */
enum error redis_node_start(struct redis_node *node, enum redis_priority priority,
	struct redis_batch *batch, struct fault *fault);

/* Start and wait. Parks. */
enum error redis_node_run(struct redis_node *node, enum redis_priority priority,
	struct redis_batch *batch, int64_t deadline, struct fault *fault);

struct redis_state redis_node_state(const struct redis_node *node);
/* Whether it is up, a primary, and its breaker closed. */
bool redis_node_serves(const struct redis_node *node);
/*
 * Whether it does not serve, and has failed: one that was not reached yet is not away. A node of a
 * cluster that is up again is away until it says that the cluster works.
 */
bool redis_node_is_away(const struct redis_node *node);
/* What a node of a cluster has said of the cluster (CLUSTER INFO) since it is up. */
enum redis_view { VIEW_UNKNOWN, VIEW_WORKS, VIEW_FAILS };
enum redis_view redis_node_view(const struct redis_node *node);
/* It has been asked; unknown again as soon as its status changes. True if the answer is another than before. */
bool redis_node_set_view(struct redis_node *node, enum redis_view view);
/* One of its connections at the moment. */
struct redis_connection_info {
	const char *role;	       /* "commands" (that read), "bulk", "writes" */
	const char *state;	       /* see conn_state_name() */
	unsigned attempts;	       /* in a row without a lasting connection */
	size_t waiting, waiting_bytes; /* commands without an outcome */
};
void redis_node_connections(
	const struct redis_node *node, struct redis_connection_info ret[REDIS_CONNECTIONS]);
/* For work of several steps, before the first: OK, or why a later one would be refused. */
enum error redis_node_allow(
	const struct redis_node *node, enum redis_feature feature, struct fault *fault);
/* Appends what bit `i` of the state's `lacks` means, as a sentence. */
void redis_node_lack(const struct redis_node *node, unsigned i, struct buf *out);
/* The same in parts: see capabilities_lack_parts(). */
void redis_node_lack_parts(const struct redis_node *node, unsigned i, struct redis_lack *ret);
/* Appends the least ACL line: see capabilities_acl(). */
void redis_node_acl(const struct redis_node *node, bool warms, struct buf *out);
bool redis_node_lacks(const struct redis_node *node, const char *command);
int64_t redis_node_command_timeout_ms(const struct redis_node *node);
/* Whether no command waits on any of its connections. */
bool redis_node_quiet(const struct redis_node *node);
/* NULL if the node has none. */
struct metrics *redis_node_metrics(const struct redis_node *node);
/* NULL if it is not reached by TCP. */
const char *redis_node_host(const struct redis_node *node);
/* "unix:/path", "host:port". */
const char *redis_node_name(const struct redis_node *node);
/*
 * Adds lookups of our own that the replies to commands do not tell: those of OBJECT
 * (cache/object_lookups.h).
 */
void redis_node_add_own(struct redis_node *node, int64_t hits, int64_t misses);
/*
 * Calls told() for each key that a command of our own has looked up, as its reply tells
 * (own_lookups.h); NULL ends that. It must not park.
 */
void redis_node_watch_own(struct redis_node *node,
	void (*told)(void *context, struct slice key, int hits, int misses), void *context);
/* Takes the sampler's reply to INFO: keeps the status right without traffic. */
void redis_node_observe(struct redis_node *node, const struct redis_value *info_reply);

#endif
