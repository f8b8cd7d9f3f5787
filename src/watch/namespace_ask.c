/* SPDX-License-Identifier: MIT */
/* Questions about one key; see namespace_ask.h. */
#include "watch/namespace_ask.h"

#include "cache/guard.h"

void namespace_ask(
	const struct namespace_sample *sample, struct slice key, struct redis_batch *batch)
{
	REDIS_ADD(batch, SLICE("MEMORY"), SLICE("USAGE"), key);
	REDIS_ADD(batch, SLICE("PTTL"), key);
	REDIS_ADD(batch, SLICE("OBJECT"), sample->by_frequency ? SLICE("FREQ") : SLICE("IDLETIME"),
		key);
}

static int64_t number(const struct redis_value *reply, int64_t unknown)
{
	return reply && reply->type == REDIS_INTEGER ? reply->integer : unknown;
}

/* Our own lookup, if it is one there. An error for another reason than the ACL comes after it. */
static void tally_object(struct namespace_node *node, const struct redis_value *reply)
{
	if (!node->object_counts || !reply)
		return;
	if (reply->type == REDIS_NIL)
		redis_node_add_own(node->node, 0, 1);
	else if (reply->type == REDIS_INTEGER ||
		 (reply->type == REDIS_ERROR && slice_starts(reply->text, SLICE("ERR "))))
		redis_node_add_own(node->node, 1, 0);
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

	tally_object(node, object);
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

static int64_t lookups(const struct redis_value *info_reply)
{
	struct redis_info info;

	if (info_reply->type != REDIS_STRING)
		return -1;
	redis_info_parse(info_reply->text, 0, &info);
	int64_t count = info.hits < 0 || info.misses < 0 ? -1 : info.hits + info.misses;
	redis_info_release(&info);
	return count;
}

void namespace_test_object(struct cache *cache, struct namespace_node *node, struct slice key)
{
	struct redis_batch *batch = redis_batch_new();

	REDIS_ADD(batch, SLICE("MULTI"));
	REDIS_ADD(batch, SLICE("INFO"), SLICE("stats"));
	REDIS_ADD(batch, SLICE("OBJECT"), SLICE("IDLETIME"), key);
	REDIS_ADD(batch, SLICE("INFO"), SLICE("stats"));
	REDIS_ADD(batch, SLICE("EXEC"));
	enum error error =
		redis_node_run(node->node, REDIS_BULK, batch, cache_deadline(cache), NULL);
	const struct redis_value *reply = error ? NULL : redis_batch_reply(batch, 4);

	node->tested = !error;
	if (reply && reply->type == REDIS_ARRAY && reply->count == 3) {
		int64_t before = lookups(reply->items[0]), after = lookups(reply->items[2]);

		node->object_counts = before >= 0 && after == before + 1;
		if (node->object_counts)
			tally_object(node, reply->items[1]);
	}
	redis_batch_free(batch);
}
