/* SPDX-License-Identifier: MIT */
/* The table of commands and their keys; see key_place.h. */
#include "redis/key_place.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Where the keys are: one at word 1; all from word 1 on; every second from there; and so on. */
#define ONE	 1, 0, false
#define EACH	 1, 1, false
#define PAIRS	 1, 2, false
#define SECOND	 2, 0, false
#define NUMBERED 2, 1, true
#define SCRIPT	 3, 1, true
#define READS	 true
#define OTHER	 false

struct key_row {
	const char *name;
	struct key_place place;
};

/* In the order of their names, for bsearch(3). */
static const struct key_row rows[] = {
	{"append", {ONE, OTHER}},
	{"bitcount", {ONE, READS}},
	{"bitfield", {ONE, OTHER}},
	{"bitfield_ro", {ONE, READS}},
	{"bitop", {SECOND, OTHER}},
	{"bitpos", {ONE, READS}},
	{"blmove", {ONE, OTHER}},
	{"blpop", {ONE, OTHER}},
	{"brpop", {ONE, OTHER}},
	{"brpoplpush", {ONE, OTHER}},
	{"bzpopmax", {ONE, OTHER}},
	{"bzpopmin", {ONE, OTHER}},
	{"copy", {ONE, READS}},
	{"decr", {ONE, OTHER}},
	{"decrby", {ONE, OTHER}},
	{"del", {EACH, OTHER}},
	{"dump", {ONE, READS}},
	{"eval", {SCRIPT, OTHER}},
	{"eval_ro", {SCRIPT, OTHER}},
	{"evalsha", {SCRIPT, OTHER}},
	{"evalsha_ro", {SCRIPT, OTHER}},
	{"exists", {EACH, READS}},
	{"expire", {ONE, OTHER}},
	{"expireat", {ONE, OTHER}},
	{"expiretime", {ONE, READS}},
	{"fcall", {SCRIPT, OTHER}},
	{"fcall_ro", {SCRIPT, OTHER}},
	{"geoadd", {ONE, OTHER}},
	{"geodist", {ONE, READS}},
	{"geohash", {ONE, READS}},
	{"geopos", {ONE, READS}},
	{"georadius", {ONE, READS}},
	{"georadius_ro", {ONE, READS}},
	{"georadiusbymember", {ONE, READS}},
	{"georadiusbymember_ro", {ONE, READS}},
	{"geosearch", {ONE, READS}},
	{"geosearchstore", {SECOND, READS}},
	{"get", {ONE, READS}},
	{"getbit", {ONE, READS}},
	{"getdel", {ONE, READS}},
	{"getex", {ONE, READS}},
	{"getrange", {ONE, READS}},
	{"getset", {ONE, READS}},
	{"hdel", {ONE, OTHER}},
	{"hexists", {ONE, READS}},
	{"hexpire", {ONE, OTHER}},
	{"hget", {ONE, READS}},
	{"hgetall", {ONE, READS}},
	{"hincrby", {ONE, OTHER}},
	{"hincrbyfloat", {ONE, OTHER}},
	{"hkeys", {ONE, READS}},
	{"hlen", {ONE, READS}},
	{"hmget", {ONE, READS}},
	{"hmset", {ONE, OTHER}},
	{"hrandfield", {ONE, READS}},
	{"hscan", {ONE, READS}},
	{"hset", {ONE, OTHER}},
	{"hsetnx", {ONE, OTHER}},
	{"hstrlen", {ONE, READS}},
	{"hvals", {ONE, READS}},
	{"incr", {ONE, OTHER}},
	{"incrby", {ONE, OTHER}},
	{"incrbyfloat", {ONE, OTHER}},
	{"lindex", {ONE, READS}},
	{"linsert", {ONE, OTHER}},
	{"llen", {ONE, READS}},
	{"lmove", {ONE, OTHER}},
	{"lmpop", {NUMBERED, OTHER}},
	{"lpop", {ONE, OTHER}},
	{"lpos", {ONE, READS}},
	{"lpush", {ONE, OTHER}},
	{"lpushx", {ONE, OTHER}},
	{"lrange", {ONE, READS}},
	{"lrem", {ONE, OTHER}},
	{"lset", {ONE, OTHER}},
	{"ltrim", {ONE, OTHER}},
	{"memory", {SECOND, OTHER}},
	{"mget", {EACH, READS}},
	{"move", {ONE, OTHER}},
	{"mset", {PAIRS, OTHER}},
	{"msetnx", {PAIRS, OTHER}},
	{"object", {SECOND, OTHER}},
	{"persist", {ONE, OTHER}},
	{"pexpire", {ONE, OTHER}},
	{"pexpireat", {ONE, OTHER}},
	{"pexpiretime", {ONE, READS}},
	{"pfadd", {ONE, OTHER}},
	{"pfcount", {EACH, READS}},
	{"pfmerge", {EACH, OTHER}},
	{"psetex", {ONE, OTHER}},
	{"pttl", {ONE, READS}},
	{"rename", {ONE, OTHER}},
	{"renamenx", {ONE, OTHER}},
	{"restore", {ONE, OTHER}},
	{"rpop", {ONE, OTHER}},
	{"rpoplpush", {ONE, OTHER}},
	{"rpush", {ONE, OTHER}},
	{"rpushx", {ONE, OTHER}},
	{"sadd", {ONE, OTHER}},
	{"scard", {ONE, READS}},
	{"sdiff", {EACH, READS}},
	{"sdiffstore", {EACH, OTHER}},
	{"set", {ONE, OTHER}},
	{"setbit", {ONE, OTHER}},
	{"setex", {ONE, OTHER}},
	{"setnx", {ONE, OTHER}},
	{"setrange", {ONE, OTHER}},
	{"sinter", {EACH, READS}},
	{"sintercard", {NUMBERED, READS}},
	{"sinterstore", {EACH, OTHER}},
	{"sismember", {ONE, READS}},
	{"smembers", {ONE, READS}},
	{"smismember", {ONE, READS}},
	{"smove", {ONE, OTHER}},
	{"sort", {ONE, READS}},
	{"sort_ro", {ONE, READS}},
	{"spop", {ONE, OTHER}},
	{"srandmember", {ONE, READS}},
	{"srem", {ONE, OTHER}},
	{"sscan", {ONE, READS}},
	{"strlen", {ONE, READS}},
	{"substr", {ONE, READS}},
	{"sunion", {EACH, READS}},
	{"sunionstore", {EACH, OTHER}},
	{"touch", {EACH, READS}},
	{"ttl", {ONE, READS}},
	{"type", {ONE, READS}},
	{"unlink", {EACH, OTHER}},
	{"watch", {EACH, OTHER}},
	{"xack", {ONE, OTHER}},
	{"xadd", {ONE, OTHER}},
	{"xdel", {ONE, OTHER}},
	{"xgroup", {SECOND, OTHER}},
	{"xinfo", {SECOND, OTHER}},
	{"xlen", {ONE, READS}},
	{"xpending", {ONE, READS}},
	{"xrange", {ONE, READS}},
	{"xrevrange", {ONE, READS}},
	{"xtrim", {ONE, OTHER}},
	{"zadd", {ONE, OTHER}},
	{"zcard", {ONE, READS}},
	{"zcount", {ONE, READS}},
	{"zdiff", {NUMBERED, READS}},
	{"zincrby", {ONE, OTHER}},
	{"zinter", {NUMBERED, READS}},
	{"zintercard", {NUMBERED, READS}},
	{"zlexcount", {ONE, READS}},
	{"zmpop", {NUMBERED, OTHER}},
	{"zmscore", {ONE, READS}},
	{"zpopmax", {ONE, OTHER}},
	{"zpopmin", {ONE, OTHER}},
	{"zrandmember", {ONE, READS}},
	{"zrange", {ONE, READS}},
	{"zrangebylex", {ONE, READS}},
	{"zrangebyscore", {ONE, READS}},
	{"zrangestore", {ONE, OTHER}},
	{"zrank", {ONE, READS}},
	{"zrem", {ONE, OTHER}},
	{"zremrangebylex", {ONE, OTHER}},
	{"zremrangebyrank", {ONE, OTHER}},
	{"zremrangebyscore", {ONE, OTHER}},
	{"zrevrange", {ONE, READS}},
	{"zrevrangebylex", {ONE, READS}},
	{"zrevrangebyscore", {ONE, READS}},
	{"zrevrank", {ONE, READS}},
	{"zscan", {ONE, READS}},
	{"zscore", {ONE, READS}},
	{"zunion", {NUMBERED, READS}},
};

enum { longest = 32 };

static int by_name(const void *name, const void *row)
{
	return strcasecmp(name, ((const struct key_row *)row)->name);
}

bool key_place_of(struct slice command, struct key_place *ret)
{
	char name[longest];

	if (command.n == 0 || command.n >= sizeof name || memchr(command.p, 0, command.n))
		return false;
	memcpy(name, command.p, command.n);
	name[command.n] = '\0';
	const struct key_row *row =
		bsearch(name, rows, sizeof rows / sizeof *rows, sizeof *rows, by_name);

	if (row)
		*ret = row->place;
	return row;
}
