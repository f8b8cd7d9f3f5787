/* SPDX-License-Identifier: MIT */
/* The tables of commands and features, and looking things up in them; see capabilities_table.h. */
#include "redis/capabilities_table.h"

#include <string.h>
#include <strings.h>

/* clang-format off */
/*
 * A row a feature: what it is called where it is off, and the commands that it needs, those of its
 * scripts included; of A/B one is enough.
 */
#define FEATURES(X) \
	X(FIGURES, "the server's figures", "INFO") \
	X(CONNECTION, "checks of the connection", "PING MULTI DISCARD") \
	X(LAYOUT, "the check of the key layout", "HGET HSETNX") \
	X(READ, "reading keys", "PTTL GETRANGE STRLEN MULTI EXEC") \
	X(LIST, "listing keys", "SCAN") \
	X(WRITE, "storing keys", "MULTI EXEC EXISTS SET ZADD DEL UNLINK RPUSHX") \
	X(CONDITIONS, "conditional writes", "WATCH EVAL MULTI EXEC GET PTTL GETRANGE UNLINK") \
	X(DELETE, "deleting keys", "XADD UNLINK/DEL") \
	X(EXPIRE, "changing TTLs", "EVAL EXISTS PEXPIRE PERSIST PTTL") \
	X(INVALIDATE, "invalidation", "XADD EXISTS UNLINK/DEL SRANDMEMBER") \
	X(PATTERNS, "invalidation by pattern", "XADD INFO DBSIZE SCAN UNLINK/DEL") \
	X(SOFT, "soft invalidation", "EVAL PTTL PEXPIRE SET UNLINK") \
	X(TAGS, "tags", "ZADD PTTL ZSCAN ZCARD EXISTS INFO DBSIZE UNLINK/DEL") \
	X(TAG_LISTS, "the list of tags", "ZADD RENAME UNLINK HSET HGETALL ZRANGEBYLEX") \
	X(PRUNER, "the pruner", "SCAN SET GET EVAL DEL PEXPIRE TIME EXISTS ZSCAN ZSCORE ZADD ZREM " \
		"PTTL SCARD SMEMBERS UNLINK RENAME HSET") \
	X(DEPENDENCIES, "stored dependencies", "SRANDMEMBER PTTL EVAL SADD SREM SCARD PERSIST " \
		"PEXPIRE DEL UNLINK SCAN") \
	X(LEASES, "leases and the storing of results", "SET GET EVAL EXISTS DEL PTTL UNLINK " \
		"PERSIST PEXPIRE ZADD XRANGE XREVRANGE GETRANGE") \
	X(WARM, "warm runs", "SET GET EVAL DEL PEXPIRE XRANGE XREVRANGE UNLINK ZADD WATCH MULTI " \
		"EXEC LINDEX LLEN LRANGE RPUSH RPOP") \
	X(SESSIONS, "sessions", "EVAL GET GETRANGE SET SETRANGE PTTL PEXPIRE EXISTS DEL ZADD " \
		"ZREM ZSCORE ZRANGE ZCARD") \
	X(OPERATIONS, "the record of operations", "SET GET MGET EXISTS ZADD ZREVRANGEBYSCORE " \
		"ZREMRANGEBYRANK ZREM") \
	X(EXPLAIN, "explain", "TYPE PTTL STRLEN GETRANGE EVAL EXISTS ZSCORE XREVRANGE SRANDMEMBER " \
		"ZRANGEBYLEX")
/* clang-format on */

const struct command_row capabilities_commands[COMMAND_COUNT] = {
#define X(name, kind, ...) [COMMAND_##name] = {#name, kind, {__VA_ARGS__}},
	COMMANDS(X)
#undef X
};

static const struct feature_row {
	const char *name;
	const char *needs;
} features[REDIS_FEATURES] = {
#define X(feature, name, needs) [FEATURE_##feature] = {name, needs},
	FEATURES(X)
#undef X
};

unsigned capabilities_find(struct slice name)
{
	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		if (strlen(capabilities_commands[i].name) == name.n &&
			strncasecmp(capabilities_commands[i].name, name.p, name.n) == 0)
			return i;
	return COMMAND_COUNT;
}

/* The next word up to `end`, and *left behind it. */
static struct slice next_word(struct slice *left, char end)
{
	const char *at = memchr(left->p, end, left->n);
	struct slice word = slice_of(left->p, at ? (size_t)(at - left->p) : left->n);
	size_t behind = word.n + (at != NULL);

	*left = slice_of(left->p + behind, left->n - behind);
	return word;
}

/* One or several commands of which one is enough. */
static uint64_t any_of(struct slice words)
{
	uint64_t set = 0;

	while (words.n)
		set |= capabilities_bit(capabilities_find(next_word(&words, '/')));
	return set;
}

uint64_t capabilities_needs(enum redis_feature feature, uint64_t lacks, uint64_t *ret_lacked)
{
	struct slice left = slice_str(features[feature].needs);
	uint64_t all = 0;

	*ret_lacked = 0;
	while (left.n) {
		uint64_t any = any_of(next_word(&left, ' '));

		all |= any;
		if ((any & lacks) == any)
			*ret_lacked |= any;
	}
	return all;
}

const char *capabilities_feature(enum redis_feature feature)
{
	return features[feature].name;
}
