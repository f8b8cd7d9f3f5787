/* SPDX-License-Identifier: MIT */
/*
 * Reading the sets of dependents; see dependency_store.h.
 *
 * Special: SRANDMEMBER with a count is the one command that gives a whole set where it is small and
 * a bounded part where it is not. A first look asks for few of each, so that a pipeline of many has
 * a bound; who turns out to have more is asked again alone.
 */
#include "base/mem.h"
#include "base/timeslice.h"
#include "cache/dependency_store.h"

enum {
	first_look = 64,
	few_keys = 64,
	rest_bytes = 256, /* of a name, which is hashed in about a microsecond */
};

struct dependency_sets {
	struct cache *cache;
	const struct slice *keys;
	struct redis_batch *batch;
};

static void ask(const struct cache *cache, struct redis_batch *batch, struct slice key, size_t most)
{
	struct buf set = {0}, count = {0};

	dependency_key(cache, key, &set);
	buf_uint(&count, most);
	REDIS_ADD(batch, SLICE("SRANDMEMBER"), buf_slice(&set), buf_slice(&count));
	buf_release(&set);
	buf_release(&count);
}

/* Whether the reply has names. */
static enum error check(
	const struct cache *cache, const struct redis_value *reply, struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);

	if (error == ERR_WRONG_TYPE)
		return dependency_no_set(cache, fault);
	if (!error && reply->type != REDIS_ARRAY)
		error = fault_set(
			fault, ERR_REDIS_PROTOCOL, "SRANDMEMBER was answered with something else");
	return error;
}

enum error dependency_read(struct cache *cache, struct slice key, size_t most,
	struct dependency_stored *ret, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct buf set = {0};

	*ret = (struct dependency_stored){.ttl_ms = -2};
	ask(cache, batch, key, most);
	dependency_key(cache, key, &set);
	size_t pttl = REDIS_ADD(batch, SLICE("PTTL"), buf_slice(&set));
	enum error error = redis_node_run(redis_store_node(cache->store, buf_slice(&set)),
		REDIS_COMMANDS, batch, cache_deadline(cache), fault);
	if (!error)
		error = check(cache, redis_batch_reply(batch, 0), fault);
	if (!error)
		error = redis_value_error(redis_batch_reply(batch, pttl), fault);
	if (!error) {
		ret->ttl_ms = redis_batch_reply(batch, pttl)->integer;
		ret->members = redis_batch_take(batch, 0);
	}
	buf_release(&set);
	redis_batch_free(batch);
	return error;
}

enum error dependency_sets_read(struct cache *cache, const struct slice *keys, size_t count,
	struct dependency_sets **ret, struct fault *fault)
{
	struct dependency_sets *sets = mem_new(struct dependency_sets);
	enum redis_role role = count <= few_keys ? REDIS_COMMANDS : REDIS_BULK;

	sets->cache = cache;
	sets->keys = keys;
	sets->batch = redis_batch_new();
	*ret = sets;
	for (size_t i = 0; i < count; i++)
		ask(cache, sets->batch, keys[i], first_look + 1);
	if (count == 0)
		return OK;
	return redis_node_run(redis_store_node(cache->store, keys[0]), role, sets->batch,
		cache_deadline(cache), fault);
}

void dependency_sets_free(struct dependency_sets *sets)
{
	if (!sets)
		return;
	redis_batch_free(sets->batch);
	mem_free(sets);
}

/* Parks where there are many. */
static enum error give(const struct redis_value *members, dependency_take *take, void *context,
	struct fault *fault)
{
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};
	enum error error = OK;

	for (size_t i = 0; i < members->count && i < DEPENDENCY_MAX_MEMBERS && !error; i++) {
		struct slice name = redis_value_item(members, i);

		take(context, name);
		error = timeslice_spend(&timeslice, 1 + name.n / rest_bytes);
	}
	return error ? fault_set(fault, error, "the request was cancelled") : OK;
}

enum error dependency_sets_visit(struct dependency_sets *sets, size_t i, dependency_take *take,
	void *context, bool *ret_all, struct fault *fault)
{
	const struct redis_value *first = redis_batch_reply(sets->batch, i);
	struct dependency_stored stored;
	enum error error = check(sets->cache, first, fault);

	*ret_all = true;
	if (error)
		return error;
	if (first->count <= first_look)
		return give(first, take, context, fault);
	error = dependency_read(
		sets->cache, sets->keys[i], DEPENDENCY_MAX_MEMBERS + 1, &stored, fault);
	if (error)
		return error;
	*ret_all = stored.members->count <= DEPENDENCY_MAX_MEMBERS;
	error = give(stored.members, take, context, fault);
	redis_value_free(stored.members);
	return error;
}
