/* SPDX-License-Identifier: MIT */
/* The table of reading commands; see lookup.h. */
#include "redis/lookup.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	size_t length;
	enum lookup lookup;
} commands[] = {
#define ROW(name, lookup) \
	{ \
		name, sizeof(name) - 1, lookup \
	}
	ROW("GET", LOOKUP_VALUE),
	ROW("MGET", LOOKUP_EACH),
	ROW("PTTL", LOOKUP_TTL),
	ROW("TTL", LOOKUP_TTL),
	ROW("TYPE", LOOKUP_TYPE),
	ROW("GETRANGE", LOOKUP_VALUE),
	ROW("STRLEN", LOOKUP_LENGTH),
	ROW("SCARD", LOOKUP_LENGTH),
	ROW("EXISTS", LOOKUP_COUNT),
	ROW("HGET", LOOKUP_VALUE),
	ROW("HGETALL", LOOKUP_VALUE),
	ROW("XRANGE", LOOKUP_VALUE),
	ROW("XREVRANGE", LOOKUP_VALUE),
	ROW("ZRANGE", LOOKUP_VALUE),
	ROW("ZREVRANGEBYSCORE", LOOKUP_VALUE),
	ROW("ZRANGEBYLEX", LOOKUP_VALUE),
	ROW("ZCARD", LOOKUP_LENGTH),
	ROW("ZSCAN", LOOKUP_PAGE),
	ROW("SMEMBERS", LOOKUP_VALUE),
	ROW("LRANGE", LOOKUP_VALUE),
	ROW("SRANDMEMBER", LOOKUP_VALUE),
	ROW("EVAL", LOOKUP_SCRIPT),
	ROW("MULTI", LOOKUP_BEGIN),
	ROW("EXEC", LOOKUP_EXEC),
#undef ROW
};

enum lookup lookup_of(struct slice command)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (command.n == commands[i].length &&
			strncasecmp(command.p, commands[i].name, command.n) == 0)
			return commands[i].lookup;
	return LOOKUP_NONE;
}

/* A set in the middle of a walk may have an empty page. */
static int64_t page_hit(const struct redis_value *page)
{
	if (page->type != REDIS_ARRAY || page->count != 2 || page->items[1]->type != REDIS_ARRAY)
		return -1;
	return page->items[1]->count > 0 || !slice_is(page->items[0]->text, "0");
}

static int64_t values_in(const struct redis_value *array)
{
	int64_t n = 0;

	for (size_t i = 0; i < array->count; i++)
		n += array->items[i]->type != REDIS_NIL;
	return n;
}

/* How many of the keys were there; below 0 where the reply does not say. */
static int64_t hits_in(enum lookup lookup, const struct redis_value *reply)
{
	/* Redis looks the key up before it judges the type. */
	if (reply->type == REDIS_ERROR)
		return slice_starts(reply->text, SLICE("WRONGTYPE ")) ? 1 : -1;
	switch (lookup) {
	case LOOKUP_VALUE:
		if (reply->type == REDIS_STRING)
			return reply->text.n > 0;
		if (reply->type == REDIS_ARRAY)
			return reply->count > 0;
		return reply->type == REDIS_NIL ? 0 : -1;
	case LOOKUP_EACH:
		return reply->type == REDIS_ARRAY ? values_in(reply) : -1;
	case LOOKUP_PAGE:
		return page_hit(reply);
	case LOOKUP_TYPE:
		if (reply->type != REDIS_STATUS || slice_is(reply->text, "QUEUED"))
			return -1;
		return !slice_is(reply->text, "none");
	default:
		break;
	}
	if (reply->type != REDIS_INTEGER)
		return -1;
	if (lookup == LOOKUP_COUNT)
		return reply->integer;
	return lookup == LOOKUP_TTL ? reply->integer != -2 : reply->integer != 0;
}

/* Far more than one of our scripts looks up. */
enum { most_of_a_script = 1 << 24 };

static bool can_be(int64_t lookups)
{
	return lookups >= 0 && lookups <= most_of_a_script;
}

static void script_tally(const struct redis_value *reply, struct lookup_tally *tally)
{
	if (reply->count < 2 || reply->items[0]->type != REDIS_INTEGER ||
		reply->items[1]->type != REDIS_INTEGER || !can_be(reply->items[0]->integer) ||
		!can_be(reply->items[1]->integer))
		return;
	tally->hits += reply->items[0]->integer;
	tally->misses += reply->items[1]->integer;
}

void lookup_tally(enum lookup lookup, size_t keys, const struct redis_value *reply,
	struct lookup_tally *tally)
{
	if (lookup == LOOKUP_NONE || lookup == LOOKUP_BEGIN || lookup == LOOKUP_EXEC)
		return;
	if (lookup == LOOKUP_SCRIPT && reply->type == REDIS_ARRAY) {
		script_tally(reply, tally);
		return;
	}
	int64_t hits = hits_in(lookup, reply);

	if (hits < 0 || hits > (int64_t)keys)
		return;
	tally->hits += hits;
	tally->misses += (int64_t)keys - hits;
}
