/* SPDX-License-Identifier: MIT */
/* Locks and receipts in Redis; see lock.h. */
#include "warm/lock.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "cache/recent_writes.h"
#include "text/quantity.h"

struct lock {
	struct cache *cache;
	struct buf key;
	char token[OWNER_TOKEN_DIGITS + 1];
	char value[OWNER_TOKEN_DIGITS + 1 + LOCK_OPERATION];
	struct fiber_group keepers;
	bool lost;
};

/* Renews the expiry of a list of written keys (cache/recent_writes.h) unless it is too long. */
#define RENEW_LIST(key, ms, most) \
	"local n = redis.pcall('LLEN', " key ") " \
	"if n == tonumber(n) and n > tonumber(" most ") then redis.call('DEL', " key ") " \
	"else redis.call('PEXPIRE', " key ", " ms ") end "

/*
 * KEYS the lock, and the list of written keys if there is one for all. If the lock is ours or is
 * gone, it is set again; the PEXPIRE before lets Redis do that without memory. Returns the lookups
 * that hit and missed, then 1, or 0 if another daemon has the lock.
 */
static const char renew_script[] =
	"local v = redis.call('GET', KEYS[1]) "
	"if v and string.sub(v, 1, #ARGV[1]) ~= ARGV[1] then return {1, 0, 0} end "
	"redis.call('PEXPIRE', KEYS[1], ARGV[3]) "
	"redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) "
	"local hits = v and 1 or 0 "
	"if not KEYS[2] then return {hits, 1 - hits, 1} end " RENEW_LIST("KEYS[2]", "ARGV[4]",
		"ARGV[5]") "hits = hits + (n == 0 and 0 or 1) return {hits, 2 - hits, 1}";

static const char list_script[] =
	RENEW_LIST("KEYS[1]", "ARGV[1]", "ARGV[2]") "return {n == 0 and 0 or 1, n == 0 and 1 or 0}";

/*
 * What had no answer may have been done: claimed again, the lock is found to be ours. Otherwise it
 * would keep all from starting the job until it expires. Parks.
 */
static enum error claim(struct lock *lock, struct redis_value **ret_held, struct fault *fault)
{
	struct slice key = buf_slice(&lock->key);
	enum error error = owner_claim_though_full(
		lock->cache, key, lock->token, LOCK_TTL_MS, ret_held, fault);

	if ((error == ERR_REDIS_UNKNOWN_OUTCOME || error == ERR_TIMEOUT) &&
		cache_await_redis(lock->cache, NULL, NULL) == OK)
		error = owner_claim_though_full(
			lock->cache, key, lock->token, LOCK_TTL_MS, ret_held, fault);
	return error;
}

enum error lock_take(struct cache *cache, struct slice job, struct lock **ret,
	char holder[LOCK_OPERATION], struct fault *fault)
{
	struct redis_value *held = NULL;
	enum error error = store_allow(cache->store, FEATURE_WARM, fault);

	*ret = NULL;
	holder[0] = '\0';
	if (error)
		return error;
	struct lock *lock = mem_new(struct lock);

	lock->cache = cache;
	owner_token_new(lock->token);
	fiber_group_init(&lock->keepers, "run locks", cache->loop);
	cache_own_key(cache, "run:", job, &lock->key);
	error = claim(lock, &held, fault);
	if (!error && owner_is(held, lock->token)) {
		*ret = lock;
	} else {
		if (held && held->type == REDIS_STRING && held->text.n > OWNER_TOKEN_DIGITS + 1)
			snprintf(holder, LOCK_OPERATION, "%.*s",
				(int)(held->text.n - OWNER_TOKEN_DIGITS - 1),
				held->text.p + OWNER_TOKEN_DIGITS + 1);
		lock_abandon(lock);
	}
	redis_value_free(held);
	return error;
}

void lock_abandon(struct lock *lock)
{
	if (!lock)
		return;
	buf_release(&lock->key);
	mem_free(lock);
}

static bool is_renewed(const struct redis_value *reply)
{
	return reply->type == REDIS_ARRAY && reply->count == 3 && reply->items[2]->integer == 1;
}

/* Over slots. Parks. */
static void renew_lists(struct cache *cache)
{
	struct redis_batch *batch = redis_batch_new();
	char ttl[SLICE_INT_ROOM], most[SLICE_INT_ROOM];
	struct buf list = {0};

	for (size_t i = 0; i < recent_writes_lists(cache); i++) {
		buf_clear(&list);
		recent_writes_key(cache, i, &list);
		REDIS_ADD(batch, SLICE("EVAL"), slice_str(list_script), SLICE("1"),
			buf_slice(&list), slice_of_int(ttl, RECENT_WRITES_TTL_MS),
			slice_of_int(most, RECENT_WRITES_MAX));
	}
	cache_run(cache, REDIS_COMMANDS, batch, NULL);
	redis_batch_free(batch);
	buf_release(&list);
}

/* The lock, and the list of written keys where that is one. Parks. */
static enum error renew(struct lock *lock, bool *ret_held)
{
	struct cache *cache = lock->cache;
	struct slice key = buf_slice(&lock->key);
	char ttl[SLICE_INT_ROOM], list_ttl[SLICE_INT_ROOM], most[SLICE_INT_ROOM];
	struct slice argv[10] = {SLICE("EVAL"), slice_str(renew_script), SLICE("1"), key};
	struct redis_value *reply = NULL;
	struct buf list = {0};
	size_t argc = 4;

	if (recent_writes_lists(cache) == 1) {
		recent_writes_key(cache, 0, &list);
		argv[2] = SLICE("2");
		argv[argc++] = buf_slice(&list);
	}
	argv[argc++] = slice_str(lock->token);
	argv[argc++] = slice_str(lock->value);
	argv[argc++] = slice_of_int(ttl, LOCK_TTL_MS);
	argv[argc++] = slice_of_int(list_ttl, RECENT_WRITES_TTL_MS);
	argv[argc++] = slice_of_int(most, RECENT_WRITES_MAX);
	enum error error = store_call(cache->store, (struct redis_call){.idempotent = true}, key,
		argc, argv, &reply, NULL);
	*ret_held = !error && is_renewed(reply);
	redis_value_free(reply);
	buf_release(&list);
	return error;
}

/* Goes on while Redis is away; the script decides what holds afterwards. */
static void keep(void *argument)
{
	struct lock *lock = argument;
	bool held;

	do {
		if (renew(lock, &held) == OK)
			lock->lost = !held;
		if (!lock->lost && recent_writes_lists(lock->cache) > 1)
			renew_lists(lock->cache);
	} while (!lock->lost && fiber_sleep(LOCK_RENEW_MS) == OK);
}

void lock_keep(struct lock *lock, const char *operation_id)
{
	snprintf(lock->value, sizeof lock->value, "%s:%s", lock->token, operation_id);
	fiber_spawn(&lock->keepers, "run lock", keep, lock);
}

bool lock_lost(const struct lock *lock)
{
	return lock->lost;
}

void lock_release(struct lock *lock)
{
	if (!lock)
		return;
	fiber_group_stop(&lock->keepers);
	if (!lock->lost)
		owner_release(lock->cache, buf_slice(&lock->key), slice_str(lock->token), NULL);
	lock_abandon(lock);
}

enum error lock_receipt_take(
	struct cache *cache, const struct lock_receipt *receipt, bool *ret_won, struct fault *fault)
{
	struct redis_value *held = NULL;
	struct buf name = {0}, key = {0};

	buf_add(&name, receipt->job);
	buf_char(&name, ':');
	timestamp_format(receipt->nominal_wall_ms, &name);
	cache_own_key(cache, "fire:", buf_slice(&name), &key);
	enum error error = owner_claim_though_full(
		cache, buf_slice(&key), receipt->token, receipt->ttl_ms, &held, fault);
	*ret_won = !error && owner_is(held, receipt->token);
	redis_value_free(held);
	buf_release(&name);
	buf_release(&key);
	return error;
}
