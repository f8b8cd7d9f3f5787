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

/* Our own lookup, if it is one there. An error for another reason than the ACL comes after it. */
static void tally_object(struct namespace_node *node, const struct redis_value *reply)
{
	if (node->object != OBJECT_COUNTS || !reply)
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

/* How many hits and misses the server counts while OBJECT looks up a key that exists. */
static const char script[] =
	"local function n() local i = redis.call('INFO', 'stats') "
	"return tonumber(string.match(i, 'keyspace_hits:(%d+)')), "
	"tonumber(string.match(i, 'keyspace_misses:(%d+)')) end "
	"local h, m = n() redis.pcall('OBJECT', 'IDLETIME', KEYS[1]) local H, M = n() "
	"return {H - h, M - m}";

/* Its reply is also how our own lookups are subtracted, as of every script. Parks. */
static void test_by_script(struct cache *cache, struct namespace_node *node, struct slice key)
{
	struct redis_batch *batch = redis_batch_new();

	REDIS_ADD(batch, SLICE("EVAL"), slice_str(script), SLICE("1"), key);
	if (!redis_node_run(node->node, REDIS_BULK, batch, cache_deadline(cache), NULL)) {
		const struct redis_value *reply = redis_batch_reply(batch, 0);

		if (reply->type == REDIS_ARRAY && reply->count == 2)
			node->object = reply->items[0]->integer + reply->items[1]->integer
					       ? OBJECT_COUNTS
					       : OBJECT_FREE;
	}
	redis_batch_free(batch);
}

/* The same where scripts are denied; Redis refuses it while it is at maxmemory. Parks. */
static void test_by_transaction(struct cache *cache, struct namespace_node *node, struct slice key)
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

	if (reply && reply->type == REDIS_ARRAY && reply->count == 3) {
		int64_t before = lookups(reply->items[0]), after = lookups(reply->items[2]);

		if (before >= 0 && after >= 0)
			node->object = after > before ? OBJECT_COUNTS : OBJECT_FREE;
		tally_object(node, reply->items[1]);
	}
	redis_batch_free(batch);
}

void namespace_test_object(struct cache *cache, struct namespace_node *node, struct slice key)
{
	test_by_script(cache, node, key);
	if (node->object == OBJECT_UNKNOWN)
		test_by_transaction(cache, node, key);
}
