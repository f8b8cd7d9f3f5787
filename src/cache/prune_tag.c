/* SPDX-License-Identifier: MIT */
/*
 * One tag's set: members whose keys do not exist are marked, and removed when that is still
 * so at the next check.
 *
 * Special: the marks are times of Redis's own clock, so that it does not matter which daemon sees
 * them. A writer's ZADD takes a mark away, and marking or removing compares with what was read.
 */
#include "cache/pruner_internal.h"
#include "cache/tag_list.h"
#include "cache/tag_page.h"

/*
 * The member, its score as it was read, how long a mark must be old. 1 = marked, 2 = removed, 3 =
 * left alone, 0 = no longer a member.
 */
static const char script[] =
	"local s = redis.call('ZSCORE', KEYS[1], ARGV[1]) "
	"if not s then return 0 end "
	"s = tonumber(s) "
	"if s ~= tonumber(ARGV[2]) then return 3 end "
	"local t = redis.call('TIME') "
	"local now = t[1] * 1000 + math.floor(t[2] / 1000) "
	"if s >= 0 then "
	"redis.call('ZADD', KEYS[1], string.format('%.0f', -now), ARGV[1]) return 1 end "
	"if now + s < tonumber(ARGV[3]) then return 3 end "
	"redis.call('ZREM', KEYS[1], ARGV[1]) return 2";

enum { script_removed = 2 };

/* One of our sets at work. */
struct set {
	struct prune_run *walk;
	struct slice key;
	struct tag_pages pages;
	uint64_t members, stale;
};

/* Without memory Redis marks nothing, but what is marked can go. */
static enum error take_verdict(struct set *set, const struct redis_value *reply)
{
	struct cache *cache = set->walk->cache;
	enum error error = redis_value_error(reply, &set->walk->fault);

	if (error == ERR_REDIS_OOM)
		return OK;
	if (error || reply->integer != script_removed)
		return error;
	set->walk->pruned++;
	if (cache->metrics)
		metric_add(cache->metrics, METRIC_TAG_PRUNED, NULL, NULL, 1);
	return OK;
}

/* Marks or forgets the members whose keys are gone. Parks. */
static enum error judge(struct set *set, const struct redis_batch *exists)
{
	struct cache *cache = set->walk->cache;
	struct redis_batch *batch = redis_batch_new();
	struct buf age = {0};
	enum error error = OK;

	buf_int(&age, cache->conf->prune_every_ms);
	for (size_t i = 0; i < set->pages.count; i++)
		if (redis_batch_reply(exists, i)->integer == 0)
			REDIS_ADD(batch, SLICE("EVAL"), slice_str(script), SLICE("1"), set->key,
				tag_pages_member(&set->pages, i), tag_pages_score(&set->pages, i),
				buf_slice(&age));
	set->stale += redis_batch_count(batch);
	if (redis_batch_count(batch))
		error = cache_run(cache, REDIS_BULK, batch, &set->walk->fault);
	for (size_t i = 0; i < redis_batch_count(batch) && !error; i++)
		error = take_verdict(set, redis_batch_reply(batch, i));
	buf_release(&age);
	redis_batch_free(batch);
	return error;
}

/* Parks. */
static enum error look_at_page(struct set *set)
{
	struct redis_batch *exists = redis_batch_new();
	enum error error = OK;

	for (size_t i = 0; i < set->pages.count; i++)
		REDIS_ADD(exists, SLICE("EXISTS"), tag_pages_member(&set->pages, i));
	if (set->pages.count)
		error = cache_run_all(set->walk->cache, REDIS_BULK, exists, &set->walk->fault);
	if (!error && set->pages.count)
		error = judge(set, exists);
	set->members += set->pages.count;
	redis_batch_free(exists);
	return error;
}

enum error prune_tag(struct prune_run *walk, struct slice key, struct slice name)
{
	struct set set = {.walk = walk, .key = key};
	enum error error = OK;

	tag_pages_init(&set.pages, walk->cache, key, REDIS_BULK);
	set.pages.most = PRUNE_PAGE;
	while (!error && tag_pages_more(&set.pages)) {
		error = tag_pages_next(&set.pages, &walk->fault);
		if (!error)
			error = look_at_page(&set);
		if (!error)
			error = pruner_pause(walk, set.pages.count);
	}
	tag_pages_release(&set.pages);
	/* A key of another type under our prefix is skipped. */
	if (error == ERR_WRONG_TYPE)
		return OK;
	walk->members += set.members;
	walk->stale += set.stale;
	if (!error && set.members && walk->tags++ < TAG_LIST_MAX)
		error = tag_list_add(walk->cache, name, set.members, set.stale, &walk->fault);
	return error;
}
