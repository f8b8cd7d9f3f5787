/* SPDX-License-Identifier: MIT */
/* The store over its topology; see store.h. What a cluster adds is in scatter.c and cluster.c. */
#include "store/store.h"

#include "base/mem.h"
#include "redis/conn_tls.h"
#include "redis/password.h"
#include "store/scatter.h"

/* So that the connection's timeout, whose fault says more, comes first. */
enum { grace_ms = 250 };

struct store {
	struct topology *topology;
	struct cluster *cluster;   /* NULL: one server, and the topology is ours */
	struct sentinel *sentinel; /* that tells the one server's address; NULL: redis.url does */
	struct password *password;
};

static void primary_changed(void *context)
{
	struct store *store = context;

	if (store->sentinel)
		sentinel_look(store->sentinel);
}

/* One server, whose address the sentinels know. */
static void open_watched(struct store *store, const struct redis_node_options *options)
{
	struct redis_node_options watched = *options;

	watched.password = store->password;
	watched.changed = primary_changed;
	watched.context = store;
	store->topology = topology_new(&watched);
	store->sentinel = sentinel_new(&(struct sentinel_options){
		.node = options, .primary = topology_any(store->topology)});
}

struct store *store_new(const struct redis_node_options *options)
{
	struct store *store = mem_new(struct store);
	struct redis_node_options with = *options;

	with.password = store->password = password_new(options->loop);
	password_configure(store->password, options->conf->password_argv);
	if (options->conf->kind == REDIS_URL_CLUSTER) {
		store->cluster = cluster_new(&with);
		store->topology = cluster_topology(store->cluster);
	} else if (options->conf->kind == REDIS_URL_SENTINEL) {
		open_watched(store, options);
	} else {
		store->topology = topology_new(&with);
	}
	return store;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	sentinel_free(store->sentinel);
	store->sentinel = NULL;
	if (store->cluster)
		cluster_free(store->cluster);
	else
		topology_free(store->topology);
	password_free(store->password);
	mem_free(store);
}

enum error store_check(const struct conf_redis *conf, struct fault *fault)
{
	return conn_tls_check(conf, fault);
}

void store_reconfigure(struct store *store, const struct conf_redis *conf)
{
	password_configure(store->password, conf->password_argv);
	if (store->cluster)
		cluster_reconfigure(store->cluster, conf);
	else
		topology_reconfigure(store->topology, conf);
	if (store->sentinel)
		sentinel_reconfigure(store->sentinel, conf);
}

size_t store_primaries(struct store *store, struct redis_node *const **ret)
{
	return topology_primaries(store->topology, ret);
}

int store_slots(const struct store *store, const struct redis_node *node)
{
	return topology_slots(store->topology, node);
}

unsigned store_away(const struct store *store, struct buf *ranges)
{
	return topology_away(store->topology, ranges);
}

bool store_absence(const struct store *store, size_t i, struct slot_absence *ret)
{
	return topology_absence(store->topology, i, ret);
}

struct redis_node *store_lacking(const struct store *store, unsigned i)
{
	struct redis_node *const *nodes;
	size_t count = topology_primaries(store->topology, &nodes);

	for (size_t n = 0; n < count; n++)
		if (redis_node_state(nodes[n]).lacks >> i & 1)
			return nodes[n];
	return nodes[0];
}

bool store_is_one(const struct store *store)
{
	return !store->cluster;
}

bool store_fails_over(const struct store *store)
{
	return store->cluster || store->sentinel;
}

struct redis_node *store_node(struct store *store, struct slice key)
{
	struct redis_node *owner = key.n ? topology_owner(store->topology, slot_of(key)) : NULL;

	return owner ? owner : topology_any(store->topology);
}

struct redis_node *store_slot_node(const struct store *store, unsigned slot)
{
	return topology_owner(store->topology, slot);
}

enum error store_allow(const struct store *store, enum redis_feature feature, struct fault *fault)
{
	struct redis_node *const *nodes;
	size_t count = topology_primaries(store->topology, &nodes);
	enum error error = OK;

	for (size_t i = 0; i < count && !error; i++)
		error = redis_node_allow(nodes[i], feature, fault);
	return error;
}

struct slice store_unlink(const struct store *store)
{
	struct redis_node *const *nodes;
	size_t count = topology_primaries(store->topology, &nodes);

	for (size_t i = 0; i < count; i++)
		if (redis_node_lacks(nodes[i], "UNLINK") && !redis_node_lacks(nodes[i], "DEL"))
			return SLICE("DEL");
	return SLICE("UNLINK");
}

struct sentinel *store_sentinel(const struct store *store)
{
	return store->sentinel;
}

struct redis_state store_state(const struct store *store)
{
	return store->cluster ? cluster_state(store->cluster)
			      : redis_node_state(topology_any(store->topology));
}

/* The slots that have no primary, or one that does not work. */
static void store_unserved(const struct store *store, struct slot_set *ret)
{
	const struct redis_node *last = NULL;
	bool serves = false;

	*ret = (struct slot_set){0};
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		const struct redis_node *owner = topology_owner(store->topology, slot);

		if (slot == 0 || owner != last)
			serves = owner && redis_node_serves(owner);
		last = owner;
		if (!serves)
			slot_set_add(ret, slot);
	}
}

bool store_serves(const struct store *store, const struct slot_set *slots)
{
	struct slot_set unserved;

	store_unserved(store, &unserved);
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
		if (slot_set_has(slots, slot) && slot_set_has(&unserved, slot))
			return false;
	return true;
}

enum error store_refresh(struct store *store, int64_t deadline)
{
	return store->cluster ? cluster_refresh(store->cluster, deadline) : OK;
}

bool store_quiet(const struct store *store)
{
	struct redis_node *const *nodes;
	size_t count = topology_primaries(store->topology, &nodes);

	for (size_t i = 0; i < count; i++)
		if (!redis_node_quiet(nodes[i]))
			return false;
	return !store->cluster || cluster_quiet(store->cluster);
}

static int64_t default_deadline(const struct store *store)
{
	const struct redis_node *node = topology_any(store->topology);

	return clock_deadline(redis_node_command_timeout_ms(node) + grace_ms);
}

/* Start and wait. Parks. */
static enum error run(struct store *store, const struct scatter_options *options,
	struct redis_batch *batch, struct fault *fault)
{
	enum error error = store->cluster ? scatter_start(store->cluster, options, batch, fault)
					  : redis_node_start(topology_any(store->topology),
						    options->priority, batch, fault);

	return error ? error : redis_batch_wait(batch, options->deadline, fault);
}

/* One try: OK with a reply that is not an error reply, or the error. */
static enum error attempt(struct store *store, const struct scatter_options *options,
	struct redis_batch *batch, struct fault *fault)
{
	enum error error = run(store, options, batch, fault);

	return error ? error : redis_value_error(redis_batch_reply(batch, 0), fault);
}

static uint64_t moves_of(const struct store *store)
{
	return store->sentinel ? redis_node_moves(topology_any(store->topology)) : 0;
}

/* A cluster does so itself. What had not been sent when the primary changed does no harm twice. */
static bool may_repeat(const struct store *store, enum error error, bool idempotent, uint64_t moves)
{
	if (store->cluster)
		return false;
	return (error == ERR_REDIS_UNKNOWN_OUTCOME && idempotent) ||
	       (error == ERR_REDIS_UNAVAILABLE && moves_of(store) != moves);
}

enum error store_call(struct store *store, struct redis_call call, struct slice key, size_t argc,
	const struct slice *argv, struct redis_value **ret, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	const struct scatter_options options = {
		.priority = call.priority,
		.idempotent = call.idempotent,
		.slot = key.n ? slot_of(key) : SLOT_ANYWHERE,
		.deadline = call.deadline ? call.deadline : default_deadline(store),
	};

	redis_batch_add(batch, argc, argv);
	uint64_t moves = moves_of(store);
	enum error error = attempt(store, &options, batch, fault);

	if (may_repeat(store, error, call.idempotent, moves) &&
		clock_mono_ms() < options.deadline) {
		redis_batch_clear(batch);
		redis_batch_add(batch, argc, argv);
		error = attempt(store, &options, batch, fault);
	}
	if (!error && ret)
		*ret = redis_batch_take(batch, 0);
	redis_batch_free(batch);
	return error;
}

enum error store_run(struct store *store, enum redis_priority priority, struct redis_batch *batch,
	int64_t deadline, struct fault *fault)
{
	const struct scatter_options options = {
		.priority = priority, .slot = SLOT_ANYWHERE, .deadline = deadline};

	return run(store, &options, batch, fault);
}

enum error store_start(struct store *store, enum redis_priority priority, struct redis_batch *batch,
	struct fault *fault)
{
	const struct scatter_options options = {
		.priority = priority, .slot = SLOT_ANYWHERE, .deadline = default_deadline(store)};

	return store->cluster
		       ? scatter_start(store->cluster, &options, batch, fault)
		       : redis_node_start(topology_any(store->topology), priority, batch, fault);
}
