/* SPDX-License-Identifier: MIT */
/* The engine's root; see cache.h. */
#include "cache/cache.h"

#include "store/slot.h"

/* Raised when our own keys change their shape so that an older daemon would misread them. */
enum { layout_version = 1 };

enum { spare_batch_bytes = 4096, reconnect_ms = 5000, look_ms = 50 };

void cache_own_key(const struct cache *cache, const char *name, struct slice rest, struct buf *out)
{
	buf_str(out, cache->conf->redis.own_prefix);
	buf_str(out, name);
	buf_add(out, rest);
}

void cache_own_beside(
	const struct cache *cache, const char *name, struct slice key, struct buf *out)
{
	unsigned number = store_is_one(cache->store) ? 0 : slot_number(slot_of(key));

	buf_str(out, cache->conf->redis.own_prefix);
	buf_str(out, name);
	buf_char(out, '{');
	buf_uint(out, number);
	buf_str(out, "}:");
	buf_add(out, key);
}

enum error cache_run(struct cache *cache, enum redis_priority priority, struct redis_batch *batch,
	struct fault *fault)
{
	return store_run(cache->store, priority, batch, cache_deadline(cache), fault);
}

enum error cache_run_all(struct cache *cache, enum redis_priority priority,
	struct redis_batch *batch, struct fault *fault)
{
	enum error error = cache_run(cache, priority, batch, fault);

	for (size_t i = 0; i < redis_batch_count(batch) && !error; i++)
		error = redis_value_error(redis_batch_reply(batch, i), fault);
	return error;
}

struct redis_batch *cache_batch_take(struct cache *cache)
{
	return cache->spare_batch_count ? cache->spare_batches[--cache->spare_batch_count]
					: redis_batch_new();
}

void cache_batch_give(struct cache *cache, struct redis_batch *batch)
{
	size_t most = sizeof cache->spare_batches / sizeof *cache->spare_batches;

	/* One that was filled with much would keep its memory. */
	if (cache->spare_batch_count == most || redis_batch_bytes(batch) > spare_batch_bytes) {
		redis_batch_free(batch);
		return;
	}
	redis_batch_clear(batch);
	cache->spare_batches[cache->spare_batch_count++] = batch;
}

void cache_count_removed(struct cache *cache, uint64_t keys)
{
	cache->invalidated_keys += keys;
	if (cache->metrics)
		metric_add(cache->metrics, METRIC_INVALIDATED_KEYS, NULL, NULL, keys);
}

int64_t cache_deadline(const struct cache *cache)
{
	return clock_deadline(2 * cache->conf->redis.command_timeout_ms + 1000);
}

enum error cache_await_redis(
	struct cache *cache, bool (*give_up)(const void *context), const void *context)
{
	int64_t deadline = clock_deadline(reconnect_ms);

	for (;;) {
		enum error error = fiber_sleep(look_ms);

		if (error)
			return error;
		if (store_state(cache->store).status == REDIS_UP || (give_up && give_up(context)))
			return OK;
		if (clock_mono_ms() >= deadline)
			return ERR_TIMEOUT;
	}
}

static enum error judge_layout(
	const struct redis_value *reply, struct slice key, struct fault *fault)
{
	int64_t found = 0;

	if (reply->type == REDIS_STRING && slice_int64(reply->text, &found) && found >= 1 &&
		found <= layout_version)
		return OK;
	int shown = (int)(reply->text.n < 40 ? reply->text.n : 40);

	if (found > layout_version)
		return fault_set(fault, ERR_CONFLICT,
			"%.*s says that a cachewarden with key layout %.*s works here; this one "
			"knows %d. Use the newer daemon, or another redis.own_prefix",
			(int)key.n, key.p, shown, reply->text.p, layout_version);
	return fault_set(fault, ERR_CORRUPT_VALUE,
		"%.*s is damaged: its layout is '%.*s', which is not a version; delete that key, "
		"and "
		"it is written anew",
		(int)key.n, key.p, shown, reply->text.p);
}

/* Says why the key cannot be used, and what to do. */
static enum error explain_layout(struct slice key, enum error error, struct fault *fault)
{
	struct fault why = *fault;

	if (error == ERR_WRONG_TYPE)
		return fault_set(fault, error,
			"%.*s is not a hash: another program's key, or a damaged one; delete it, "
			"or "
			"set another redis.own_prefix",
			(int)key.n, key.p);
	if (error_redis(error) != ERROR_REDIS_REFUSED)
		return error;
	return fault_set(fault, error,
		"the layout version in %.*s cannot be read or written, so a newer daemon on this "
		"Redis would not be noticed: %.300s",
		(int)key.n, key.p, why.detail);
}

enum error cache_check_layout(struct cache *cache, struct fault *fault)
{
	struct redis_value *reply = NULL;
	struct buf key = {0}, version = {0};

	cache_own_key(cache, "meta", slice_of(NULL, 0), &key);
	buf_int(&version, layout_version);
	enum error error = store_command(cache->store, buf_slice(&key), &reply, fault,
		SLICE("HGET"), buf_slice(&key), SLICE("layout"));
	if (error)
		goto out;
	if (reply->type == REDIS_NIL)
		error = store_command(cache->store, buf_slice(&key), NULL, fault, SLICE("HSETNX"),
			buf_slice(&key), SLICE("layout"), buf_slice(&version));
	else
		error = judge_layout(reply, buf_slice(&key), fault);
out:
	if (error && error != ERR_CONFLICT && error != ERR_CORRUPT_VALUE && fault)
		explain_layout(buf_slice(&key), error, fault);
	redis_value_free(reply);
	buf_release(&key);
	buf_release(&version);
	return error;
}

/* Whether there are keys of ours under it. What cannot be told counts. Parks. */
static bool prefix_in_use(struct cache *cache, struct slice prefix)
{
	struct redis_value *reply = NULL;
	struct buf meta = {0};

	buf_add(&meta, prefix);
	buf_str(&meta, "meta");
	enum error error = store_command(
		cache->store, buf_slice(&meta), &reply, NULL, SLICE("EXISTS"), buf_slice(&meta));
	bool used = error || reply->integer > 0;

	redis_value_free(reply);
	buf_release(&meta);
	return used;
}

enum error cache_note_prefix(
	struct cache *cache, void (*tell)(void *context, struct slice other), void *context)
{
	/* A reload may let go of the configuration while this parks. */
	struct conf *conf = conf_ref(cache->conf);
	struct slice set = SLICE(CACHE_PREFIXES), own = slice_str(conf->redis.own_prefix);
	struct redis_value *all = NULL;
	enum error error = store_command(cache->store, set, NULL, NULL, SLICE("SADD"), set, own);

	if (!error)
		error = store_command(cache->store, set, &all, NULL, SLICE("SMEMBERS"), set);
	for (size_t i = 0; !error && i < all->count; i++) {
		struct slice prefix = redis_value_item(all, i);

		if (slice_equal(prefix, own))
			continue;
		if (prefix_in_use(cache, prefix))
			tell(context, prefix);
		else
			store_command(cache->store, set, NULL, NULL, SLICE("SREM"), set, prefix);
	}
	redis_value_free(all);
	conf_unref(conf);
	return error;
}
