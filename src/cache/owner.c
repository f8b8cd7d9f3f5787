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

void owner_token_new(char ret[OWNER_TOKEN_DIGITS + 1])
{
	uint8_t random[OWNER_TOKEN_DIGITS / 2];
	struct buf hex = {0};

	crypto_random(random, sizeof random);
	hex_encode(random, sizeof random, &hex);
	memcpy(ret, hex.p, OWNER_TOKEN_DIGITS + 1);
	buf_release(&hex);
}

enum error owner_claim(struct cache *cache, struct slice key, const char *value, int64_t ttl_ms,
	struct redis_value **ret_holder, struct fault *fault)
{
	struct redis_value *reply = NULL;
	char ttl[24];

	*ret_holder = NULL;
	snprintf(ttl, sizeof ttl, "%lld", (long long)ttl_ms);
	enum error error = store_command(cache->store, key, &reply, fault, SLICE("SET"), key,
		slice_str(value), SLICE("NX"), SLICE("PX"), slice_str(ttl));
	if (error)
		return error;
	bool won = reply->type != REDIS_NIL;
	redis_value_free(reply);
	if (won)
		return OK;
	return store_command(cache->store, key, ret_holder, fault, SLICE("GET"), key);
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
