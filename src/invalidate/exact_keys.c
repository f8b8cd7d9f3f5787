/* SPDX-License-Identifier: MIT */
/* Keys by their exact names; see exact.h. */
#include "invalidate/exact_keys.h"

#include "base/mem.h"
#include "cache/entry.h"
#include "cache/soft_purge.h"

enum {
	few = 16, /* so many travel with everybody's commands, more on the bulk connection */
	at_once = 500,
};

/* The keys of one batch: places in the plan. */
struct exact_batch {
	struct redis_batch *batch;
	uint32_t places[at_once];
	size_t count;
};

static bool removes(const struct exact_keys *exact)
{
	return !slice_is(exact->command, "EXISTS");
}

/* How long the key stays usable where it is softened; 0 = it is not. */
static int64_t stale_for(const struct exact_keys *exact, const struct plan_key *key)
{
	return exact->soft ? entry_stale_for(exact->cache->conf, key->name) : 0;
}

static void count_hit(struct exact_keys *exact, struct plan_key *key, bool removed)
{
	exact->hits++;
	if (!key->found) {
		key->found = true;
		exact->first_seen++;
		plan_count(exact->plan, key, false);
		plan_sample(exact->plan, key->name);
	}
	if (removed) {
		exact->removed++;
		key->removed = true;
		plan_count(exact->plan, key, true);
	}
}

static enum error take_reply(struct exact_keys *exact, struct plan_key *key,
	const struct redis_value *reply, struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);
	enum soft_purge_outcome outcome;

	if (error)
		return error;
	if (!key->softening) {
		if (reply->integer > 0)
			count_hit(exact, key, removes(exact));
		return OK;
	}
	error = soft_purge_outcome(reply, &outcome, fault);
	exact->softened += outcome == SOFT_PURGE_CHANGED;
	if (outcome != SOFT_PURGE_ABSENT)
		count_hit(exact, key, outcome == SOFT_PURGE_REMOVED);
	return error;
}

/* Every reply that came counts: what was answered before the connection broke has happened. */
static enum error take_replies(
	struct exact_keys *exact, struct exact_batch *flight, struct fault *fault)
{
	enum error first = OK;

	for (size_t i = 0; i < flight->count; i++) {
		const struct redis_value *reply = redis_batch_reply(flight->batch, i);

		if (!reply)
			continue;
		enum error error = take_reply(
			exact, &exact->plan->keys[flight->places[i]], reply, first ? NULL : fault);
		first = first ? first : error;
	}
	return first;
}

/* Collects the next keys, from *at on, that live on one server. */
static struct redis_node *fill(
	const struct exact_keys *exact, struct exact_batch *flight, size_t *at, size_t most)
{
	const struct plan *plan = exact->plan;
	struct redis_node *node = NULL;

	redis_batch_clear(flight->batch);
	flight->count = 0;
	for (; *at < plan->key_count && flight->count < most; ++*at) {
		struct plan_key *key = &plan->keys[*at];

		if (!key->claims)
			continue;
		struct redis_node *home = redis_store_node(exact->cache->store, key->name);
		if (node && home != node)
			break;
		node = home;
		flight->places[flight->count++] = (uint32_t)*at;
		key->softening = stale_for(exact, key) > 0;
		if (key->softening)
			soft_purge_add(
				exact->cache, flight->batch, key->name, stale_for(exact, key));
		else
			REDIS_ADD(flight->batch, exact->command, key->name);
	}
	return node;
}

enum error exact_keys_run(struct exact_keys *exact, struct fault *fault)
{
	enum redis_role role = exact->plan->key_count <= few ? REDIS_COMMANDS : REDIS_BULK;
	struct exact_batch *flight = mem_new(struct exact_batch);
	enum error error = OK;
	size_t at = 0;

	exact->hits = exact->first_seen = exact->removed = exact->softened = 0;
	exact->limited = false;
	flight->batch = redis_batch_new();
	while (!error && at < exact->plan->key_count) {
		uint64_t left = exact->limit - exact->hits;
		size_t most = left < at_once ? (size_t)left : at_once;

		exact->limited = most == 0;
		if (exact->limited)
			break;
		struct redis_node *node = fill(exact, flight, &at, most);
		if (flight->count == 0)
			break;
		error = redis_node_run(
			node, role, flight->batch, cache_deadline(exact->cache), fault);
		enum error refused = take_replies(exact, flight, error ? NULL : fault);
		error = error ? error : refused;
	}
	redis_batch_free(flight->batch);
	mem_free(flight);
	return error;
}
