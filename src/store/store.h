/* SPDX-License-Identifier: MIT */
/*
 * The store: what the engine uses to send commands, by key or to each primary.
 *
 * Error replies that concern the server's state (LOADING, BUSY, READONLY, OOM, NOPERM, ...) are
 * returned as enum error with a fault that quotes Redis, only here. Idempotent commands are
 * retried once after ERR_REDIS_UNKNOWN_OUTCOME while the deadline allows.
 */
#ifndef CW_STORE_STORE_H
#define CW_STORE_STORE_H

#include "redis/node.h"
#include "store/sentinel.h"
#include "store/slot_absence.h"
#include "store/slot_set.h"

struct store;

/* What the options point to must live as long; their conf until the next reconfigure. */
struct store *store_new(const struct redis_node_options *options);
/* Parks. */
void store_free(struct store *store);
/* ERR_BAD_CONFIG: files that the settings name cannot be used now; the fault says which and why. */
enum error store_check(const struct conf_redis *conf, struct fault *fault);
void store_reconfigure(struct store *store, const struct conf_redis *conf);

/*
 * All primaries, at least one; with a single server, that one. Until a cluster has given its map,
 * the servers of redis.url. Borrowed until the next park: redis_node_ref() keeps a node longer.
 */
size_t store_primaries(struct store *store, struct redis_node *const **ret);
/* How many slots of a cluster the primary has; -1 if that is not known, or it is not a cluster. */
int store_slots(const struct store *store, const struct redis_node *node);
/*
 * How many slots of a cluster have no primary, or one that is away; appends them, such as
 * "0-5460, 9000". 0 if it is not a cluster. All of them until there is a map.
 */
unsigned store_away(const struct store *store, struct buf *ranges);
/* As topology_absence(): why they are away. The caller releases *ret. */
bool store_absence(const struct store *store, size_t i, struct slot_absence *ret);
/* A primary that lacks what bit `i` of the state's `lacks` means. Borrowed. */
struct redis_node *store_lacking(const struct store *store, unsigned i);
/* Whether all keys are on one server, where one script may touch any of them. */
bool store_is_one(const struct store *store);
/* Whether a server may be replaced by one that lacks the last that it had acknowledged. */
bool store_fails_over(const struct store *store);
/* The server that has `key`, or, if none has it, one that will say so. Borrowed as above. */
struct redis_node *store_node(struct store *store, struct slice key);
/* The primary that has a slot of a cluster; NULL if none has. Borrowed as above. */
struct redis_node *store_slot_node(const struct store *store, unsigned slot);
/* Whether the feature works on every primary: see redis_node_allow(). */
enum error store_allow(const struct store *store, enum redis_feature feature, struct fault *fault);
/* UNLINK, or DEL if only UNLINK is denied. */
struct slice store_unlink(const struct store *store);
/* The sentinels that tell where the primary is; NULL if redis.url names none. Borrowed. */
struct sentinel *store_sentinel(const struct store *store);
struct redis_state store_state(const struct store *store);
/* Of a cluster: whether each of the slots has a primary that works. */
bool store_serves(const struct store *store, const struct slot_set *slots);
/* Of a cluster: asks again which server has which slots, and waits for the answer. Parks. */
enum error store_refresh(struct store *store, int64_t deadline);
/* Whether no command waits for a reply or to be sent. */
bool store_quiet(const struct store *store);

struct redis_call {
	enum redis_priority priority;
	bool idempotent;
	int64_t deadline; /* 0 = the command timeout from now */
};

/*
 * One command. argv[0] is its name; `key` decides where it goes. On OK *ret is a reply that is not
 * an error reply, owned by the caller; `ret` may be NULL. Parks.
 */
enum error store_call(struct store *store, struct redis_call call, struct slice key, size_t argc,
	const struct slice *argv, struct redis_value **ret, struct fault *fault);

/* store_command(store, key, &value, &fault, SLICE("GET"), key): REDIS_COMMANDS, idempotent.
 * Parks. */
#define store_command(store, key, ret, fault, ...) \
	store_call(store, (struct redis_call){.idempotent = true}, key, \
		sizeof((struct slice[]){__VA_ARGS__}) / sizeof(struct slice), \
		(struct slice[]){__VA_ARGS__}, ret, fault)

/*
 * Runs a batch whose keys may be anywhere: as redis_node_run() on the servers of its keys. Commands
 * for different servers have no order; WATCH, MULTI to EXEC, and the keys of a script must be on
 * one. Parks.
 */
enum error store_run(struct store *store, enum redis_priority priority, struct redis_batch *batch,
	int64_t deadline, struct fault *fault);
/* The same without waiting: redis_batch_wait() does. As redis_node_start(). */
enum error store_start(struct store *store, enum redis_priority priority, struct redis_batch *batch,
	struct fault *fault);

#endif
