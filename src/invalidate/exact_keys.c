/* SPDX-License-Identifier: MIT */
/* Keys by their exact names; see exact_keys.h. */
#include "invalidate/exact_keys.h"

#include "base/mem.h"

enum {
	few = 16, /* so many use the connection of ordinary commands, more the bulk connection */
	at_once = 500,
};

/* The keys of one batch. */
struct exact_batch {
	struct exact_keys *exact;
	struct redis_batch *batch;
	struct buf notes;
	uint32_t places[at_once]; /* in the plan */
	size_t count;
};

static void count_key(
	struct exact_keys *exact, struct plan_key *key, const struct removal_counts *counts)
{
	if (counts->matched == 0)
		return;
	exact->hits++;
	exact->removed += counts->removed;
	exact->instead += counts->instead;
	exact->modified += counts->modified;
	if (!key->existed) {
		key->existed = true;
		exact->first_seen++;
		plan_count(exact->plan, key, false);
		if (!removal_only_looks(&exact->effect) || counts->modified)
			plan_sample(exact->plan, key->name);
	}
	if (removal_invalidated(&exact->effect, counts))
		plan_count(exact->plan, key, true);
}

static void count_removal(
	void *context, const struct removal_note *note, const struct removal_counts *counts)
{
	struct exact_batch *b = context;

	count_key(b->exact, &b->exact->plan->keys[b->places[note->first]], counts);
}

static enum error take_exists(struct exact_batch *b, struct fault *fault)
{
	enum error first = OK;

	for (size_t i = 0; i < b->count; i++) {
		const struct redis_value *reply = redis_batch_reply(b->batch, i);

		if (!reply)
			continue;
		enum error error = redis_value_error(reply, first ? NULL : fault);
		const struct removal_counts counts = {.matched = error ? 0 : reply->integer > 0};

		count_key(b->exact, &b->exact->plan->keys[b->places[i]], &counts);
		first = first ? first : error;
	}
	return first;
}

/* Collects the next keys, from *at on. */
static void collect(struct exact_batch *b, size_t *at, size_t most)
{
	const struct plan *plan = b->exact->plan;

	b->count = 0;
	for (; *at < plan->key_count && b->count < most; ++*at)
		if (plan_key_is_claimed(&plan->keys[*at]))
			b->places[b->count++] = (uint32_t)*at;
}

static void add_commands(struct exact_batch *b)
{
	const struct exact_keys *exact = b->exact;
	bool effective = exact->remove || removal_only_looks(&exact->effect);

	redis_batch_clear(b->batch);
	buf_clear(&b->notes);
	struct removal *removal = removal_new(exact->cache, b->batch, &b->notes, 1);
	for (size_t i = 0; i < b->count; i++) {
		struct slice name = exact->plan->keys[b->places[i]].name;

		if (effective)
			removal_add_effect(removal, name, 0, &exact->effect);
		else
			REDIS_ADD(b->batch, SLICE("EXISTS"), name);
	}
	removal_end(removal);
}

enum error exact_keys_run(struct exact_keys *exact, struct fault *fault)
{
	enum redis_priority priority = exact->plan->key_count <= few ? REDIS_COMMANDS : REDIS_BULK;
	struct exact_batch *b = mem_new(struct exact_batch);
	enum error error = OK;
	size_t at = 0;

	exact->hits = exact->first_seen = exact->removed = exact->instead = exact->modified = 0;
	exact->limited = false;
	b->exact = exact;
	b->batch = redis_batch_new();
	while (!error && at < exact->plan->key_count) {
		uint64_t left = exact->limit - exact->hits;
		size_t most = left < at_once ? (size_t)left : at_once;

		exact->limited = most == 0;
		if (exact->limited)
			break;
		collect(b, &at, most);
		if (b->count == 0)
			break;
		add_commands(b);
		error = cache_run(exact->cache, priority, b->batch, fault);
		struct fault *own = error ? NULL : fault;
		enum error refused = b->notes.n ? removal_take(exact->cache, b->batch, &b->notes,
							  count_removal, b, own)
						: take_exists(b, own);
		error = error ? error : refused;
	}
	redis_batch_free(b->batch);
	buf_release(&b->notes);
	mem_free(b);
	return error;
}
