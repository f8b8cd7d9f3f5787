/* SPDX-License-Identifier: MIT */
/* What identifies the servers of a walk: if it changed meanwhile, keys may have been missed. */
#include <string.h>

#include "base/mem.h"
#include "cache/walk.h"
#include "redis/info.h"

enum { sections = 3 };

struct server {
	char run_id[48], role[16], master_replid[48];
	int64_t flush_calls;
	uint64_t keys;
};

struct walk_snapshot {
	size_t count;
	struct server servers[];
};

/* INFO takes several sections at once only since Redis 7. */
static void add_commands(struct redis_batch *batch)
{
	REDIS_ADD(batch, SLICE("INFO"), SLICE("server"));
	REDIS_ADD(batch, SLICE("INFO"), SLICE("replication"));
	REDIS_ADD(batch, SLICE("INFO"), SLICE("commandstats"));
	REDIS_ADD(batch, SLICE("DBSIZE"));
}

static enum error read_server(
	const struct redis_batch *batch, struct server *ret, struct fault *fault)
{
	struct redis_info info;
	struct buf text = {0};

	for (size_t i = 0; i < sections + 1; i++) {
		const struct redis_value *reply = redis_batch_reply(batch, i);
		enum error error = redis_value_error(reply, fault);

		if (error) {
			buf_release(&text);
			return error;
		}
		if (i < sections)
			buf_add(&text, reply->text);
		else
			ret->keys = (uint64_t)reply->integer;
	}
	redis_info_parse(buf_slice(&text), 0, &info);
	memcpy(ret->run_id, info.run_id, sizeof ret->run_id);
	memcpy(ret->role, info.role, sizeof ret->role);
	memcpy(ret->master_replid, info.master_replid, sizeof ret->master_replid);
	ret->flush_calls = info.flush_calls;
	redis_info_release(&info);
	buf_release(&text);
	return OK;
}

enum error walk_snapshot_take(struct cache *cache, struct walk_snapshot **ret, struct fault *fault)
{
	struct redis_node *const *nodes;
	size_t count = redis_store_primaries(cache->store, &nodes);
	struct walk_snapshot *snapshot =
		mem_zalloc(sizeof *snapshot + count * sizeof *snapshot->servers);
	enum error error = OK;

	snapshot->count = count;
	for (size_t i = 0; i < count && !error; i++) {
		struct redis_batch *batch = redis_batch_new();

		add_commands(batch);
		error = redis_node_run(
			nodes[i], REDIS_COMMANDS, batch, cache_deadline(cache), fault);
		if (!error)
			error = read_server(batch, &snapshot->servers[i], fault);
		redis_batch_free(batch);
	}
	if (error)
		mem_free(snapshot);
	else
		*ret = snapshot;
	return error;
}

void walk_snapshot_free(struct walk_snapshot *snapshot)
{
	mem_free(snapshot);
}

bool walk_snapshot_equal(const struct walk_snapshot *a, const struct walk_snapshot *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct server *x = &a->servers[i], *y = &b->servers[i];

		if (strcmp(x->run_id, y->run_id) != 0 || strcmp(x->role, y->role) != 0 ||
			strcmp(x->master_replid, y->master_replid) != 0 ||
			x->flush_calls != y->flush_calls)
			return false;
	}
	return true;
}

uint64_t walk_snapshot_keys(const struct walk_snapshot *snapshot)
{
	uint64_t keys = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		keys += snapshot->servers[i].keys;
	return keys;
}
