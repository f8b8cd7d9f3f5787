/* SPDX-License-Identifier: MIT */
/* The tables of commands and features; for capabilities*.c only. */
#ifndef CW_REDIS_CAPABILITIES_TABLE_H
#define CW_REDIS_CAPABILITIES_TABLE_H

#include "redis/capabilities.h"

enum command_kind {
	READS,
	WRITES,
	/* Answered by a server of any kind. */
	ANYWHERE,
};

/*
 * A row a command: its name, what it does, and arguments with which Redis queues it in MULTI. A
 * command that is used anywhere in src/ has a row.
 */
#define KEY "key" /* stands for a key of our own */
/* clang-format off */
#define COMMANDS(X) \
	X(PING, ANYWHERE) \
	X(INFO, ANYWHERE, "server") \
	X(MULTI, READS) \
	X(EXEC, READS) \
	X(DISCARD, READS) \
	X(EVAL, READS, "return 0", "0") \
	X(TIME, READS) \
	X(DBSIZE, READS) \
	X(SCAN, READS, "0") \
	X(TYPE, READS, KEY) \
	X(EXISTS, READS, KEY) \
	X(PTTL, READS, KEY) \
	X(GET, READS, KEY) \
	X(MGET, READS, KEY) \
	X(GETRANGE, READS, KEY, "0", "0") \
	X(STRLEN, READS, KEY) \
	X(SET, WRITES, KEY, "", "XX") \
	X(SETRANGE, WRITES, KEY, "0", "") \
	X(DEL, WRITES, KEY) \
	X(UNLINK, WRITES, KEY) \
	X(RENAME, WRITES, KEY, KEY) \
	X(PERSIST, WRITES, KEY) \
	X(PEXPIRE, WRITES, KEY, "1") \
	X(HGET, READS, KEY, "f") \
	X(HGETALL, READS, KEY) \
	X(HSET, WRITES, KEY, "f", "") \
	X(HSETNX, WRITES, KEY, "f", "") \
	X(SADD, WRITES, KEY, "m") \
	X(SREM, WRITES, KEY, "m") \
	X(SCARD, READS, KEY) \
	X(SMEMBERS, READS, KEY) \
	X(SRANDMEMBER, READS, KEY) \
	X(ZADD, WRITES, KEY, "XX", "1", "m") \
	X(ZREM, WRITES, KEY, "m") \
	X(ZREMRANGEBYRANK, WRITES, KEY, "0", "0") \
	X(ZCARD, READS, KEY) \
	X(ZSCORE, READS, KEY, "m") \
	X(ZRANGE, READS, KEY, "0", "0") \
	X(ZRANGEBYLEX, READS, KEY, "-", "+") \
	X(ZREVRANGEBYSCORE, READS, KEY, "0", "0") \
	X(ZSCAN, READS, KEY, "0") \
	X(WATCH, READS, KEY) \
	X(LLEN, READS, KEY) \
	X(LINDEX, READS, KEY, "0") \
	X(LRANGE, READS, KEY, "0", "0") \
	X(RPUSH, WRITES, KEY, "") \
	X(RPUSHX, WRITES, KEY, "") \
	X(RPOP, WRITES, KEY) \
	X(XADD, WRITES, KEY, "*", "f", "") \
	X(XRANGE, READS, KEY, "-", "+") \
	X(XREVRANGE, READS, KEY, "+", "-")
/* clang-format on */

enum command {
#define X(name, ...) COMMAND_##name,
	COMMANDS(X)
#undef X
		COMMAND_COUNT
};

/* The bit behind all commands: keys of our own are denied. */
enum { OWN_KEYS = 63 };

_Static_assert((int)COMMAND_COUNT <= (int)OWN_KEYS, "a set of commands is 64 bits");

enum { most_arguments = 4 };

struct command_row {
	const char *name;
	enum command_kind kind;
	const char *arguments[most_arguments];
};

extern const struct command_row capabilities_commands[COMMAND_COUNT];

/* COMMAND_COUNT where it has no row. */
unsigned capabilities_find(struct slice name);
/* What a feature is called. */
const char *capabilities_feature(enum redis_feature feature);
/* The commands that a feature uses; *ret_lacked: those it needs and lacks. */
uint64_t capabilities_needs(enum redis_feature feature, uint64_t lacks, uint64_t *ret_lacked);

static inline uint64_t capabilities_bit(unsigned i)
{
	return UINT64_C(1) << i;
}

#endif
