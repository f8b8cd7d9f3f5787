/* SPDX-License-Identifier: MIT */
/*
 * The table of commands that cachewarden sends, and what their replies mean.
 *
 * Hits: what a command adds to Redis's keyspace_hits and keyspace_misses is known from its reply,
 * so that hit rates can be the applications' alone. Numbers: a damaged server, or a proxy, may
 * answer with any 64-bit number; the reader cuts each to REDIS_MAX_NUMBER, so that sums and
 * differences of two do not overflow, and a number that its command cannot have is refused.
 */
#ifndef CW_REDIS_COMMANDS_H
#define CW_REDIS_COMMANDS_H

#include "redis/value.h"

enum commands_kind {
	READS,
	WRITES,
	ANYWHERE,   /* answered by a server of any kind */
	IN_CLUSTER, /* sent to the nodes of a cluster only, and answered by any of them */
};

/* How a reply tells hits from misses. */
enum commands_hits {
	HITS_NONE,   /* Redis counts nothing, or only scripts send it */
	HITS_VALUE,  /* nil or empty = a miss */
	HITS_EACH,   /* an array with nil for each miss */
	HITS_COUNT,  /* how many of the keys exist */
	HITS_TYPE,   /* the status `none` = a miss */
	HITS_LENGTH, /* 0 = a miss */
	HITS_TTL,    /* -2 = a miss */
	HITS_PAGE,   /* a cursor and elements; no elements at the end = a miss */
	/* Scripts that read one key return 0 for a miss; others return an array that begins with
	 * their hits and misses. */
	HITS_SCRIPT,
};

/* Which numbers a reply can be. */
enum commands_number {
	NUMBER_COUNT, /* a count or a length, which is below REDIS_MAX_NUMBER */
	NUMBER_ANY,
	NUMBER_TTL,  /* -2, -1 or a time, which may be as long as Redis's clock allows */
	NUMBER_BOOL, /* 1 or 0 */
	NUMBER_KEYS, /* how many of the named keys */
};

/* Where a command has its keys, which decide about the server that it is sent to. */
enum commands_keys {
	KEYS_NONE,   /* any server answers for itself */
	KEYS_FIRST,  /* the first argument; what other keys there are must be beside it */
	KEYS_EACH,   /* every argument; it can be sent once for each of them */
	KEYS_SCRIPT, /* as the number says that follows the script */
};

/*
 * A row per command that is used anywhere in src/: its name, what it does, its hits, its numbers,
 * its keys, and arguments with which Redis queues it in MULTI.
 */
#define KEY "key" /* stands for a key of our own */
/* clang-format off */
#define COMMANDS(X) \
	X(PING, ANYWHERE, NONE, COUNT, NONE) \
	X(INFO, ANYWHERE, NONE, COUNT, NONE, "server") \
	X(MULTI, READS, NONE, COUNT, NONE) \
	X(EXEC, READS, NONE, COUNT, NONE) \
	X(DISCARD, READS, NONE, COUNT, NONE) \
	X(EVAL, READS, SCRIPT, ANY, SCRIPT, "return 0", "0") \
	X(TIME, READS, NONE, COUNT, NONE) \
	X(DBSIZE, READS, NONE, COUNT, NONE) \
	X(SCAN, READS, NONE, COUNT, NONE, "0") \
	X(TYPE, READS, TYPE, COUNT, FIRST, KEY) \
	X(EXISTS, READS, COUNT, KEYS, EACH, KEY) \
	X(PTTL, READS, TTL, TTL, FIRST, KEY) \
	X(GET, READS, VALUE, COUNT, FIRST, KEY) \
	X(MGET, READS, EACH, COUNT, EACH, KEY) \
	X(GETRANGE, READS, VALUE, COUNT, FIRST, KEY, "0", "0") \
	X(STRLEN, READS, LENGTH, COUNT, FIRST, KEY) \
	X(SET, WRITES, NONE, COUNT, FIRST, KEY, "", "XX") \
	X(SETRANGE, WRITES, NONE, COUNT, FIRST, KEY, "0", "") \
	X(DEL, WRITES, NONE, KEYS, EACH, KEY) \
	X(UNLINK, WRITES, NONE, KEYS, EACH, KEY) \
	X(RENAME, WRITES, NONE, COUNT, FIRST, KEY, KEY) \
	X(PERSIST, WRITES, NONE, BOOL, FIRST, KEY) \
	X(PEXPIRE, WRITES, NONE, BOOL, FIRST, KEY, "1") \
	X(HGET, READS, VALUE, COUNT, FIRST, KEY, "f") \
	X(HGETALL, READS, VALUE, COUNT, FIRST, KEY) \
	X(HSET, WRITES, NONE, COUNT, FIRST, KEY, "f", "") \
	X(HSETNX, WRITES, NONE, BOOL, FIRST, KEY, "f", "") \
	X(SADD, WRITES, NONE, COUNT, FIRST, KEY, "m") \
	X(SREM, WRITES, NONE, COUNT, FIRST, KEY, "m") \
	X(SCARD, READS, LENGTH, COUNT, FIRST, KEY) \
	X(SMEMBERS, READS, VALUE, COUNT, FIRST, KEY) \
	X(SRANDMEMBER, READS, VALUE, COUNT, FIRST, KEY) \
	X(ZADD, WRITES, NONE, COUNT, FIRST, KEY, "XX", "1", "m") \
	X(ZREM, WRITES, NONE, COUNT, FIRST, KEY, "m") \
	X(ZREMRANGEBYRANK, WRITES, NONE, COUNT, FIRST, KEY, "0", "0") \
	X(ZCARD, READS, LENGTH, COUNT, FIRST, KEY) \
	X(ZSCORE, READS, NONE, COUNT, FIRST, KEY, "m") \
	X(ZRANGE, READS, VALUE, COUNT, FIRST, KEY, "0", "0") \
	X(ZRANGEBYLEX, READS, VALUE, COUNT, FIRST, KEY, "-", "+") \
	X(ZREVRANGEBYSCORE, READS, VALUE, COUNT, FIRST, KEY, "0", "0") \
	X(ZSCAN, READS, PAGE, COUNT, FIRST, KEY, "0") \
	X(WATCH, READS, NONE, COUNT, FIRST, KEY) \
	X(LLEN, READS, LENGTH, COUNT, FIRST, KEY) \
	X(LINDEX, READS, NONE, COUNT, FIRST, KEY, "0") \
	X(LRANGE, READS, VALUE, COUNT, FIRST, KEY, "0", "0") \
	X(RPUSH, WRITES, NONE, COUNT, FIRST, KEY, "") \
	X(RPUSHX, WRITES, NONE, COUNT, FIRST, KEY, "") \
	X(RPOP, WRITES, NONE, COUNT, FIRST, KEY) \
	X(XADD, WRITES, NONE, COUNT, FIRST, KEY, "*", "f", "") \
	X(XRANGE, READS, VALUE, COUNT, FIRST, KEY, "-", "+") \
	X(XREVRANGE, READS, VALUE, COUNT, FIRST, KEY, "+", "-") \
	X(ASKING, IN_CLUSTER, NONE, COUNT, NONE)

/* The same for commands with a subcommand, which an ACL allows one by one: "CLUSTER|SLOTS". */
#define SUBCOMMANDS(X) \
	X(CLUSTER, INFO, IN_CLUSTER, NONE, COUNT, NONE) \
	X(CLUSTER, SLOTS, IN_CLUSTER, NONE, COUNT, NONE) \
	X(CLUSTER, NODES, IN_CLUSTER, NONE, COUNT, NONE) \
	X(CLUSTER, GETKEYSINSLOT, IN_CLUSTER, NONE, COUNT, NONE, "0", "0") \
	X(CLUSTER, COUNTKEYSINSLOT, IN_CLUSTER, NONE, COUNT, NONE, "0")
/* clang-format on */

enum redis_command {
#define X(name, ...) COMMAND_##name,
	COMMANDS(X)
#undef X
#define X(name, subcommand, ...) COMMAND_##name##_##subcommand,
		SUBCOMMANDS(X)
#undef X
			COMMAND_COUNT /* any other: no hits, the numbers of a count */
};

enum { COMMANDS_MAX_ARGUMENTS = 4 };

struct commands_row {
	const char *name; /* a subcommand is behind a | */
	size_t length;
	enum commands_kind kind;
	enum commands_hits hits;
	enum commands_number number;
	enum commands_keys keys;
	const char *arguments[COMMANDS_MAX_ARGUMENTS];
};

/* The last row is that of COMMAND_COUNT. */
extern const struct commands_row commands_rows[COMMAND_COUNT + 1];

/* Whether a server that holds writes back (CLIENT PAUSE WRITE) holds it back, too. */
bool commands_may_write(enum redis_command command);

/* Ignores case; COMMAND_COUNT if it has no row. */
enum redis_command commands_find(struct slice name);

struct commands_tally {
	int64_t hits, misses;
};

/* Adds the hits and misses that follow from the reply to a command with `keys` keys. */
void commands_tally(enum redis_command command, size_t keys, const struct redis_value *reply,
	struct commands_tally *tally);
/*
 * ERR_REDIS_PROTOCOL if the reply is a number that the command with `keys` keys cannot have.
 * Numbers in arrays are not checked.
 */
enum error commands_check(enum redis_command command, size_t keys, const struct redis_value *reply,
	struct fault *fault);

#endif
