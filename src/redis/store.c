/* SPDX-License-Identifier: MIT */
/*
 * The store over its nodes; see store.h.
 *
 * Special: one node today. Callers name a key or iterate over the primaries, so that more nodes
 * would change redis_store_new, redis_store_node and redis_store_primaries only.
 */
#include "redis/store.h"

#include <assert.h>

#include "base/mem.h"
#include "redis/conn_tls.h"

/* So that the connection's timeout, whose fault says more, comes first. */
enum { grace_ms = 250 };

struct redis_store {
	struct redis_node **primaries;
	size_t primary_count;
};

struct redis_store *redis_store_new(const struct redis_node_options *options)
{
	struct redis_store *store = mem_new(struct redis_store);

	store->primaries = mem_array(1, sizeof(struct redis_node *));
	store->primaries[0] = redis_node_new(options);
	store->primary_count = 1;
	return store;
}

void redis_store_free(struct redis_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->primary_count; i++)
		redis_node_free(store->primaries[i]);
	mem_free(store->primaries);
	mem_free(store);
}

enum error redis_store_check(const struct conf_redis *conf, struct fault *fault)
{
	return conn_tls_check(conf, fault);
}

void redis_store_reconfigure(struct redis_store *store, const struct conf_redis *conf)
{
	for (size_t i = 0; i < store->primary_count; i++)
		redis_node_reconfigure(store->primaries[i], conf);
}

size_t redis_store_primaries(struct redis_store *store, struct redis_node *const **ret)
{
	*ret = store->primaries;
	return store->primary_count;
}

bool redis_store_is_one(const struct redis_store *store)
{
	return store->primary_count == 1;
}

struct redis_node *redis_store_node(struct redis_store *store, struct slice key)
{
	(void)key;
	return store->primaries[0];
}

enum error redis_store_allow(
	const struct redis_store *store, enum redis_feature feature, struct fault *fault)
{
	enum error error = OK;

	for (size_t i = 0; i < store->primary_count && !error; i++)
		error = redis_node_allow(store->primaries[i], feature, fault);
	return error;
}

struct slice redis_store_unlink(const struct redis_store *store)
{
	for (size_t i = 0; i < store->primary_count; i++)
		if (redis_node_lacks(store->primaries[i], "UNLINK") &&
			!redis_node_lacks(store->primaries[i], "DEL"))
			return SLICE("DEL");
	return SLICE("UNLINK");
}

struct redis_state redis_store_state(const struct redis_store *store)
{
	return redis_node_state(store->primaries[0]);
}

bool redis_store_quiet(const struct redis_store *store)
{
	for (size_t i = 0; i < store->primary_count; i++)
		if (!redis_node_quiet(store->primaries[i]))
			return false;
	return true;
}

/* One try: OK with a reply that is not an error reply, or the error. */
static enum error attempt(struct redis_node *node, struct redis_call call,
	struct redis_batch *batch, struct fault *fault)
{
	enum error error = redis_node_run(node, call.role, batch, call.deadline, fault);

	return error ? error : redis_value_error(redis_batch_reply(batch, 0), fault);
}

enum error redis_store_call(struct redis_store *store, struct redis_call call, struct slice key,
	size_t argc, const struct slice *argv, struct redis_value **ret, struct fault *fault)
{
	struct redis_node *node = redis_store_node(store, key);
	struct redis_batch *batch = redis_batch_new();

	if (call.deadline == 0)
		call.deadline = clock_deadline(redis_node_command_timeout_ms(node) + grace_ms);
	redis_batch_add(batch, argc, argv);
	enum error error = attempt(node, call, batch, fault);

	if (error == ERR_REDIS_UNKNOWN_OUTCOME && call.idempotent &&
		clock_mono_ms() < call.deadline) {
		redis_batch_clear(batch);
		redis_batch_add(batch, argc, argv);
		error = attempt(node, call, batch, fault);
	}
	if (!error && ret)
		*ret = redis_batch_take(batch, 0);
	redis_batch_free(batch);
	return error;
}

enum error redis_store_run(struct redis_store *store, enum redis_role role,
	struct redis_batch *batch, int64_t deadline, struct fault *fault)
{
	return redis_node_run(store->primaries[0], role, batch, deadline, fault);
}
