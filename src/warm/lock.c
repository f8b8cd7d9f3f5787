/* SPDX-License-Identifier: MIT */
/* Locks and receipts in Redis; see lock.h. */
#include "warm/lock.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "cache/write_log.h"
#include "text/quantity.h"

struct lock {
	struct cache *cache;
	struct buf key;
	char token[OWNER_TOKEN_DIGITS + 1];
	char value[OWNER_TOKEN_DIGITS + 1 + LOCK_OPERATION];
	struct fiber_group keepers;
	bool lost;
};

/*
 * KEYS the lock, the list of written keys (cache/write_log.h). If the lock is ours or is gone, it
 * is set again, and the list's expiry is renewed unless the list is too long. Returns the lookups
 * that hit and missed, then 1, or 0 if another daemon has the lock.
 */
static const char renew_script[] =
	"local v = redis.call('GET', KEYS[1]) "
	"if v and string.sub(v, 1, #ARGV[1]) ~= ARGV[1] then return {1, 0, 0} end "
	"redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) "
	"local n = redis.pcall('LLEN', KEYS[2]) "
	"local hits = (v and 1 or 0) + (n == 0 and 0 or 1) "
	"if n == tonumber(n) and n > tonumber(ARGV[5]) then redis.call('DEL', KEYS[2]) "
	"else redis.call('PEXPIRE', KEYS[2], ARGV[4]) end return {hits, 2 - hits, 1}";

enum error lock_take(struct cache *cache, struct slice job, struct lock **ret,
	char holder[LOCK_OPERATION], struct fault *fault)
{
	struct redis_value *held = NULL;
	enum error error = redis_store_allow(cache->store, FEATURE_WARM, fault);

	*ret = NULL;
	holder[0] = '\0';
	if (error)
		return error;
	struct lock *lock = mem_new(struct lock);

	lock->cache = cache;
	owner_token_new(lock->token);
	fiber_group_init(&lock->keepers, "run locks", cache->loop);
	cache_own_key(cache, "run:", job, &lock->key);
	error = owner_claim(cache, buf_slice(&lock->key), lock->token, LOCK_TTL_MS, &held, fault);
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

/* Goes on while Redis is away; the script decides what holds afterwards. */
static void keep(void *argument)
{
	struct lock *lock = argument;
	struct slice key = buf_slice(&lock->key);
	char ttl[SLICE_INT_ROOM], list_ttl[SLICE_INT_ROOM], list_most[SLICE_INT_ROOM];
	struct buf list = {0};

	write_log_key(lock->cache, &list);
	do {
		struct redis_value *reply = NULL;
		enum error error = redis_store_command(lock->cache->store, key, &reply, NULL,
			SLICE("EVAL"), slice_str(renew_script), SLICE("2"), key, buf_slice(&list),
			slice_str(lock->token), slice_str(lock->value),
			slice_of_int(ttl, LOCK_TTL_MS), slice_of_int(list_ttl, WROTE_TTL_MS),
			slice_of_int(list_most, WROTE_MOST));

		if (!error)
			lock->lost = !is_renewed(reply);
		redis_value_free(reply);
	} while (!lock->lost && fiber_sleep(LOCK_RENEW_MS) == OK);
	buf_release(&list);
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
	fiber_group_cancel(&lock->keepers);
	while (lock->keepers.count)
		fiber_group_join(&lock->keepers, DEADLINE_NONE);
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
	enum error error =
		owner_claim(cache, buf_slice(&key), receipt->token, receipt->ttl_ms, &held, fault);
	*ret_won = !error && owner_is(held, receipt->token);
	redis_value_free(held);
	buf_release(&name);
	buf_release(&key);
	return error;
}
