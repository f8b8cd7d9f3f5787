/* SPDX-License-Identifier: MIT */
/* Locks and leases with owner tokens; see owner.h. */
#include "cache/owner.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/hex.h"

enum { remove_ms = 2000 };

static const char remove_script[] =
	"local v = redis.call('GET', KEYS[1]) "
	"if v and string.sub(v, 1, #ARGV[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end "
	"return 0";

static const char extend_script[] = "local v = redis.call('GET', KEYS[1]) "
				    "if v and string.sub(v, 1, #ARGV[1]) == ARGV[1] then "
				    "return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end "
				    "return 0";

/*
 * Without memory Redis refuses a SET, but not to a script whose first write takes no memory; here
 * that is a PEXPIRE of nothing. The lookup's hit and miss come first.
 */
static const char claim_script[] = "local v = redis.call('GET', KEYS[1]) "
				   "if v then return {1, 0, v} end "
				   "redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
				   "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
				   "return {0, 1}";

void owner_token_new(char ret[OWNER_TOKEN_DIGITS + 1])
{
	uint8_t random[OWNER_TOKEN_DIGITS / 2];
	struct buf hex = {0};

	crypto_random(random, sizeof random);
	hex_encode(random, sizeof random, &hex);
	memcpy(ret, hex.p, OWNER_TOKEN_DIGITS + 1);
	buf_release(&hex);
}

/* OK with *ret_won = whether the key was absent, and has the value now. Parks. */
static enum error set_if_absent(struct cache *cache, struct slice key, const char *value,
	int64_t ttl_ms, bool *ret_won, struct fault *fault)
{
	struct redis_value *reply = NULL;
	char ttl[SLICE_INT_ROOM];
	enum error error = store_command(cache->store, key, &reply, fault, SLICE("SET"), key,
		slice_str(value), SLICE("NX"), SLICE("PX"), slice_of_int(ttl, ttl_ms));

	*ret_won = !error && reply->type != REDIS_NIL;
	redis_value_free(reply);
	return error;
}

/* The same by the script. Parks. */
static enum error set_though_full(struct cache *cache, struct slice key, const char *value,
	int64_t ttl_ms, bool *ret_won, struct fault *fault)
{
	struct redis_value *reply = NULL;
	char ttl[SLICE_INT_ROOM];
	int64_t hits = 0;
	enum error error = store_command(cache->store, key, &reply, fault, SLICE("EVAL"),
		slice_str(claim_script), SLICE("1"), key, slice_str(value),
		slice_of_int(ttl, ttl_ms));

	if (!error)
		error = redis_value_number(reply, 0, 0, 1, &hits, fault);
	*ret_won = !error && hits == 0;
	redis_value_free(reply);
	return error;
}

static enum error find_holder(struct cache *cache, struct slice key, bool won,
	struct redis_value **ret_holder, struct fault *fault)
{
	return won ? OK : store_command(cache->store, key, ret_holder, fault, SLICE("GET"), key);
}

enum error owner_claim(struct cache *cache, struct slice key, const char *value, int64_t ttl_ms,
	struct redis_value **ret_holder, struct fault *fault)
{
	bool won;
	enum error error = set_if_absent(cache, key, value, ttl_ms, &won, fault);

	*ret_holder = NULL;
	return error ? error : find_holder(cache, key, won, ret_holder, fault);
}

enum error owner_claim_though_full(struct cache *cache, struct slice key, const char *value,
	int64_t ttl_ms, struct redis_value **ret_holder, struct fault *fault)
{
	bool won;
	enum error error = set_if_absent(cache, key, value, ttl_ms, &won, fault);

	*ret_holder = NULL;
	if (error == ERR_REDIS_OOM)
		error = set_though_full(cache, key, value, ttl_ms, &won, fault);
	return error ? error : find_holder(cache, key, won, ret_holder, fault);
}

bool owner_is(const struct redis_value *holder, const char *token)
{
	return !holder ||
	       (holder->type == REDIS_STRING && slice_starts(holder->text, slice_str(token)));
}

enum error owner_release(
	struct cache *cache, struct slice key, struct slice token, struct fault *fault)
{
	struct redis_call call = {.idempotent = true, .deadline = clock_deadline(remove_ms)};
	struct slice argv[] = {SLICE("EVAL"), slice_str(remove_script), SLICE("1"), key, token};

	/* The script compares beginnings. */
	if (token.n != OWNER_TOKEN_DIGITS)
		return OK;
	return store_call(cache->store, call, key, sizeof argv / sizeof *argv, argv, NULL, fault);
}

enum error owner_extend(struct cache *cache, struct slice key, struct slice token, int64_t ttl_ms,
	bool *ret_held, struct fault *fault)
{
	struct redis_value *reply = NULL;
	char ttl[24];

	*ret_held = false;
	snprintf(ttl, sizeof ttl, "%lld", (long long)ttl_ms);
	enum error error = store_command(cache->store, key, &reply, fault, SLICE("EVAL"),
		slice_str(extend_script), SLICE("1"), key, token, slice_str(ttl));
	if (!error)
		*ret_held = reply->type == REDIS_INTEGER && reply->integer == 1;
	redis_value_free(reply);
	return error;
}
