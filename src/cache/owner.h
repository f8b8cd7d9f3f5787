/* SPDX-License-Identifier: MIT */
/*
 * Owner tokens: which process holds a lock or a lease. The value of the lock's key is the token,
 * followed by data of its holder; only the holder of the token can renew or remove it.
 */
#ifndef CW_CACHE_OWNER_H
#define CW_CACHE_OWNER_H

#include "cache/cache.h"

enum { OWNER_TOKEN_DIGITS = 32 };

/* A fresh one: hex digits and a NUL. */
void owner_token_new(char ret[OWNER_TOKEN_DIGITS + 1]);
/*
 * SET NX: where there is something already, *ret_holder gets its value (the caller's), or stays
 * NULL. A nil value: the lock has just ended. Asking again with the same token gives the same
 * answer, so that a lost reply does no harm: see owner_is(). Parks.
 */
enum error owner_claim(struct cache *cache, struct slice key, const char *value, int64_t ttl_ms,
	struct redis_value **ret_holder, struct fault *fault);
/*
 * The same for what must be claimed also while Redis is out of memory: then by a script, to which
 * Redis grants the few bytes (Redis documents that). ERR_REDIS_OOM: even so not. Parks.
 */
enum error owner_claim_though_full(struct cache *cache, struct slice key, const char *value,
	int64_t ttl_ms, struct redis_value **ret_holder, struct fault *fault);
/* Whether what owner_claim() found says that the holder of `token` has it. */
bool owner_is(const struct redis_value *holder, const char *token);
/* Lets it live ttl_ms from now; *ret_held: the token's holder has it still. Parks. */
enum error owner_extend(struct cache *cache, struct slice key, struct slice token, int64_t ttl_ms,
	bool *ret_held, struct fault *fault);
/*
 * Removes the key where the token's holder has it still; OK also where it does not. A token of
 * another length holds nothing. Parks; for cleanup sections too.
 */
enum error owner_release(
	struct cache *cache, struct slice key, struct slice token, struct fault *fault);

#endif
