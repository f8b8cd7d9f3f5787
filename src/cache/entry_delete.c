/* SPDX-License-Identifier: MIT */
/* Deleting entries (logged_delete.h), and their TTL. */
#include "base/mem.h"
#include "cache/entry_internal.h"
#include "cache/key_watch.h"
#include "cache/logged_delete.h"
#include "cache/soft_purge.h"

enum { unlink_at_once = 100 };

struct deletion {
	struct cache *cache;
	const char *by; /* NULL = not told */
	const struct slice *keys;
	size_t count;
	const struct slice *expected; /* of the one key; NULL = whatever is stored */
	size_t deleted;
	bool unwatched;
};

static const char unlink_if_script[] =
	"local v, hit = redis.call('GET', KEYS[1]), 0 "
	"if v then hit = 1 end "
	"return {hit, 1 - hit, v == ARGV[1] and redis.call('UNLINK', KEYS[1]) or 0}";

static void fill_unlinks(void *context, struct redis_batch *batch)
{
	const struct deletion *d = context;
	struct slice argv[1 + unlink_at_once] = {store_unlink(d->cache->store)};

	if (d->expected)
		REDIS_ADD(batch, SLICE("EVAL"), slice_str(unlink_if_script), SLICE("1"), d->keys[0],
			*d->expected);
	for (size_t at = d->expected ? 1 : 0; at < d->count;) {
		size_t n = 0;

		while (n < unlink_at_once && at < d->count)
			argv[1 + n++] = d->keys[at++];
		redis_batch_add(batch, 1 + n, argv);
	}
}

/* Adds to d->deleted. Parks. */
static enum error unlink_all(void *context, struct fault *fault)
{
	struct deletion *d = context;
	struct redis_batch *batch = redis_batch_new();
	struct entry_step step = {.cache = d->cache,
		.key = d->keys[0],
		.priority = d->count > ENTRY_FEW ? REDIS_BULK : REDIS_COMMANDS,
		.idempotent = !d->expected,
		.fill = fill_unlinks,
		.context = d};
	enum error error = entry_step(&step, batch, fault);

	for (size_t i = 0; !error && i < redis_batch_count(batch); i++) {
		const struct redis_value *reply = redis_batch_reply(batch, i);
		int64_t deleted = reply->integer;

		error = redis_value_error(reply, fault);
		/* The script comes first. */
		if (!error && d->expected && i == 0)
			error = redis_value_number(reply, 2, 0, 1, &deleted, fault);
		if (!error)
			d->deleted += (size_t)deleted;
	}
	redis_batch_free(batch);
	return error;
}

/* Parks. */
static enum error delete_logged(struct deletion *d, size_t *ret_deleted, struct fault *fault)
{
	const struct inval_entry entry = {.operation_id = d->cache->instance,
		.by = d->by,
		.keys = d->keys,
		.key_count = d->count};
	bool logged;

	*ret_deleted = 0;
	if (d->count == 0)
		return OK;
	enum error error = logged_delete(d->cache, &entry, unlink_all, d, &logged, fault);
	*ret_deleted = d->deleted;
	cache_count_removed(d->cache, d->deleted);
	for (size_t i = 0; i < d->count && d->deleted && !d->unwatched; i++)
		key_watches_see(d->cache->watches, d->keys[i]);
	if (!error && !logged)
		error = fault_set(fault, ERR_REDIS_OOM,
			"the keys were deleted, but Redis has no memory for the invalidation log: "
			"a "
			"load that began earlier may still store its value; repeat the request");
	return error;
}

enum error entry_take_back(
	struct cache *cache, const struct slice *keys, size_t count, struct fault *fault)
{
	struct deletion deletion = {.cache = cache, .keys = keys, .count = count};

	return count ? unlink_all(&deletion, fault) : OK;
}

struct same {
	const struct slice *keys, *stored;
	size_t count;
};

static void fill_same(void *context, struct redis_batch *batch)
{
	const struct same *same = context;

	for (size_t i = 0; i < same->count; i++)
		REDIS_ADD(batch, SLICE("EVAL"), slice_str(unlink_if_script), SLICE("1"),
			same->keys[i], same->stored[i]);
}

enum error entry_take_back_same(struct cache *cache, const struct slice *keys,
	const struct slice *stored, size_t count, struct fault *fault)
{
	struct same same = {keys, stored, count};
	struct redis_batch *batch = redis_batch_new();
	struct entry_step step = {.cache = cache,
		.priority = REDIS_BULK,
		.idempotent = true,
		.fill = fill_same,
		.context = &same};
	enum error error = entry_step(&step, batch, fault);

	for (size_t i = 0; !error && i < redis_batch_count(batch); i++)
		error = redis_value_error(redis_batch_reply(batch, i), fault);
	redis_batch_free(batch);
	return error;
}

enum error entry_delete_many(struct cache *cache, const char *by, const struct slice *keys,
	size_t count, size_t *ret_deleted, struct fault *fault)
{
	struct deletion deletion = {.cache = cache, .by = by, .keys = keys, .count = count};

	return delete_logged(&deletion, ret_deleted, fault);
}

enum error entry_delete_unwatched(struct cache *cache, const struct slice *keys, size_t count,
	size_t *ret_deleted, struct fault *fault)
{
	struct deletion deletion = {
		.cache = cache, .keys = keys, .count = count, .unwatched = true};

	return delete_logged(&deletion, ret_deleted, fault);
}

enum error entry_delete_if(struct cache *cache, const char *by, struct slice key,
	struct slice expected, size_t *ret_deleted, struct fault *fault)
{
	struct deletion deletion = {
		.cache = cache, .by = by, .keys = &key, .count = 1, .expected = &expected};

	return delete_logged(&deletion, ret_deleted, fault);
}

static void fill_ttl(void *context, struct redis_batch *batch)
{
	const struct entry_step *step = context;
	struct buf mark = {0};

	soft_purge_key(step->cache, step->key, &mark);
	REDIS_ADD(batch, SLICE("PTTL"), buf_slice(&mark));
	REDIS_ADD(batch, SLICE("PTTL"), step->key);
	buf_release(&mark);
}

enum error entry_ttl(struct cache *cache, struct slice key, int64_t *ret_ms, struct fault *fault)
{
	struct redis_batch *batch = cache_batch_take(cache);
	struct entry_step step = {.cache = cache, .key = key, .idempotent = true, .fill = fill_ttl};

	step.context = &step;
	enum error error = entry_step(&step, batch, fault);
	for (size_t i = 0; i < 2 && !error; i++)
		error = redis_value_error(redis_batch_reply(batch, i), fault);
	if (!error)
		*ret_ms = entry_shown_ttl(cache->conf, key, redis_batch_reply(batch, 1)->integer,
			redis_batch_reply(batch, 0)->integer);
	cache_batch_give(cache, batch);
	return error;
}

/*
 * KEYS the value, its mark; ARGV stale_for, the new PX ('' = none). Judged and done at once, so
 * that what is softly purged at the same time stays stale.
 */
static const char expire_script[] =
	"local t, m = redis.call('PTTL', KEYS[1]), redis.call('PTTL', KEYS[2]) "
	"local hit, marked = t == -2 and 0 or 1, m == -2 and 0 or 1 "
	"local stale = t >= 0 and (t <= tonumber(ARGV[1]) and ARGV[1] ~= '0' "
	"or m >= 0 and math.abs(t - m) <= " SOFT_PURGE_SKEW_LUA ") "
	"if hit == 0 or stale then return {hit + marked, 2 - hit - marked, 0} end "
	"if ARGV[2] == '' then redis.call('PERSIST', KEYS[1]) "
	"else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end "
	"return {hit + marked, 2 - hit - marked, 1}";

struct expiry {
	const struct cache *cache;
	struct slice key;
	int64_t px_ms;
};

static void fill_expiry(void *context, struct redis_batch *batch)
{
	const struct expiry *expiry = context;
	char stale_for[SLICE_INT_ROOM], px[SLICE_INT_ROOM];
	int64_t stale_for_ms = entry_stale_for(expiry->cache->conf, expiry->key);
	struct buf mark = {0};

	soft_purge_key(expiry->cache, expiry->key, &mark);
	REDIS_ADD(batch, SLICE("EVAL"), slice_str(expire_script), SLICE("2"), expiry->key,
		buf_slice(&mark), slice_of_int(stale_for, stale_for_ms),
		expiry->px_ms < 0 ? SLICE("") : slice_of_int(px, expiry->px_ms));
	buf_release(&mark);
}

enum error entry_expire(
	struct cache *cache, struct slice key, int64_t ttl_ms, bool *ret, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct expiry expiry = {cache, key, entry_px(cache->conf, key, ttl_ms)};
	struct entry_step step = {.cache = cache,
		.key = key,
		.idempotent = true,
		.fill = fill_expiry,
		.context = &expiry};
	enum error error = entry_step(&step, batch, fault);
	const struct redis_value *reply = error ? NULL : redis_batch_reply(batch, 0);

	if (!error)
		error = redis_value_error(reply, fault);
	int64_t done = 0;
	if (!error)
		error = redis_value_number(reply, 2, 0, 1, &done, fault);
	*ret = done > 0;
	redis_batch_free(batch);
	return error;
}
