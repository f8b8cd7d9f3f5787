/* SPDX-License-Identifier: MIT */
/* A server's lookups before and after one OBJECT; see object_lookups.h. */
#include "cache/object_lookups.h"

#include "redis/info.h"

void object_lookups_take(
	struct redis_node *node, enum object_lookups object, const struct redis_value *reply)
{
	if (object != OBJECT_COUNTS || !reply)
		return;
	if (reply->type == REDIS_NIL)
		redis_node_add_own(node, 0, 1);
	/* An error for another reason than the ACL comes after the lookup. */
	else if (reply->type == REDIS_INTEGER ||
		 (reply->type == REDIS_ERROR && slice_starts(reply->text, SLICE("ERR "))))
		redis_node_add_own(node, 1, 0);
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

/* How many hits and misses the server counts while OBJECT looks up a key. */
static const char script[] =
	"local function n() local i = redis.call('INFO', 'stats') "
	"return tonumber(string.match(i, 'keyspace_hits:(%d+)')), "
	"tonumber(string.match(i, 'keyspace_misses:(%d+)')) end "
	"local h, m = n() redis.pcall('OBJECT', 'IDLETIME', KEYS[1]) local H, M = n() "
	"return {H - h, M - m}";

/* Its reply is also how our own lookups are subtracted, as of every script. Parks. */
static enum object_lookups test_by_script(
	struct cache *cache, struct redis_node *node, struct slice key)
{
	struct redis_batch *batch = redis_batch_new();
	enum object_lookups object = OBJECT_UNKNOWN;

	REDIS_ADD(batch, SLICE("EVAL"), slice_str(script), SLICE("1"), key);
	if (!redis_node_run(node, REDIS_BULK, batch, cache_deadline(cache), NULL)) {
		const struct redis_value *reply = redis_batch_reply(batch, 0);

		if (reply->type == REDIS_ARRAY && reply->count == 2)
			object = reply->items[0]->integer + reply->items[1]->integer ? OBJECT_COUNTS
										     : OBJECT_FREE;
	}
	redis_batch_free(batch);
	return object;
}

/* The same where scripts are denied; Redis refuses it while it is at maxmemory. Parks. */
static enum object_lookups test_by_transaction(
	struct cache *cache, struct redis_node *node, struct slice key)
{
	struct redis_batch *batch = redis_batch_new();
	enum object_lookups object = OBJECT_UNKNOWN;

	REDIS_ADD(batch, SLICE("MULTI"));
	REDIS_ADD(batch, SLICE("INFO"), SLICE("stats"));
	REDIS_ADD(batch, SLICE("OBJECT"), SLICE("IDLETIME"), key);
	REDIS_ADD(batch, SLICE("INFO"), SLICE("stats"));
	REDIS_ADD(batch, SLICE("EXEC"));
	enum error error = redis_node_run(node, REDIS_BULK, batch, cache_deadline(cache), NULL);
	const struct redis_value *reply = error ? NULL : redis_batch_reply(batch, 4);

	if (reply && reply->type == REDIS_ARRAY && reply->count == 3) {
		int64_t before = lookups(reply->items[0]), after = lookups(reply->items[2]);

		if (before >= 0 && after >= 0)
			object = after > before ? OBJECT_COUNTS : OBJECT_FREE;
		object_lookups_take(node, object, reply->items[1]);
	}
	redis_batch_free(batch);
	return object;
}

enum object_lookups object_lookups_test(
	struct cache *cache, struct redis_node *node, struct slice key)
{
	enum object_lookups object = test_by_script(cache, node, key);

	return object == OBJECT_UNKNOWN ? test_by_transaction(cache, node, key) : object;
}
