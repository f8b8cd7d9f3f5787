/* SPDX-License-Identifier: MIT */
/* Questions about one key; see namespace_ask.h. */
#include "watch/namespace_ask.h"

#include "cache/guard.h"

void namespace_ask(const struct namespace_sample *sample, const struct namespace_node *node,
	struct slice key, struct redis_batch *batch)
{
	REDIS_ADD(batch, SLICE("MEMORY"), SLICE("USAGE"), key);
	REDIS_ADD(batch, SLICE("PTTL"), key);
	/* Lookups of our own that cannot be subtracted would be the applications'. */
	if (node->object == OBJECT_UNKNOWN)
		REDIS_ADD(batch, SLICE("PING"));
	else
		REDIS_ADD(batch, SLICE("OBJECT"),
			sample->by_frequency ? SLICE("FREQ") : SLICE("IDLETIME"), key);
}

static int64_t number(const struct redis_value *reply, int64_t unknown)
{
	return reply && reply->type == REDIS_INTEGER ? reply->integer : unknown;
}

void namespace_take(struct namespace_sample *sample, struct namespace_node *node, struct slice key,
	const struct redis_batch *batch, size_t at)
{
	const struct redis_value *object = redis_batch_reply(batch, at + 2);
	int64_t access = number(object, -1);
	struct namespace_look look = {
		.key = slice_of(key.p, key.n < KEY_MAX_BYTES ? key.n : KEY_MAX_BYTES),
		.bytes = number(redis_batch_reply(batch, at), -1),
		.ttl_ms = number(redis_batch_reply(batch, at + 1), -2),
		.idle_seconds = sample->by_frequency ? -1 : access,
		.frequency = sample->by_frequency ? access : -1,
	};

	object_lookups_take(node->node, node->object, object);
	namespace_table_add(sample->table, sample->conf, &look);
	node->sums.keys++;
	if (sample->in_cluster)
		namespace_slots_add(&sample->slots, key);
	if (look.bytes >= 0) {
		node->sums.measured++;
		node->sums.bytes += (double)look.bytes;
		node->sums.squares += (double)look.bytes * (double)look.bytes;
	}
}
