/* SPDX-License-Identifier: MIT */
/* The table of commands, and checks of their replies; see commands.h. */
#include "redis/commands.h"

#include <strings.h>

const struct commands_row commands_rows[COMMAND_COUNT + 1] = {
#define X(name, kind, hits, number, keys, ...) \
	[COMMAND_##name] = {#name, sizeof #name - 1, kind, HITS_##hits, NUMBER_##number, \
		KEYS_##keys, {__VA_ARGS__}},
	COMMANDS(X)
#undef X
#define X(name, subcommand, kind, hits, number, keys, ...) \
	[COMMAND_##name##_##subcommand] = {#name "|" #subcommand, \
		sizeof #name "|" #subcommand - 1, kind, HITS_##hits, NUMBER_##number, KEYS_##keys, \
		{__VA_ARGS__}},
		SUBCOMMANDS(X)
#undef X
};

/* It is asked for each command that is sent: the first letter spares most calls. */
static bool is_named(const struct commands_row *row, struct slice name)
{
	enum { letter_case = 0x20 };

	return row->length == name.n && ((row->name[0] ^ name.p[0]) & ~letter_case) == 0 &&
	       strncasecmp(row->name, name.p, name.n) == 0;
}

enum redis_command commands_find(struct slice name)
{
	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		if (is_named(&commands_rows[i], name))
			return i;
	return COMMAND_COUNT;
}

bool commands_may_write(enum redis_command command)
{
	return command == COMMAND_EVAL || commands_rows[command].kind == WRITES;
}

/* A set in the middle of a scan may have an empty page. */
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

/* How many of the keys exist; below 0 if the reply does not say. */
static int64_t hits_in(enum commands_hits hits, const struct redis_value *reply)
{
	/* Redis looks the key up before it judges the type. */
	if (reply->type == REDIS_ERROR)
		return slice_starts(reply->text, SLICE("WRONGTYPE ")) ? 1 : -1;
	switch (hits) {
	case HITS_VALUE:
		if (reply->type == REDIS_STRING)
			return reply->text.n > 0;
		if (reply->type == REDIS_ARRAY)
			return reply->count > 0;
		return reply->type == REDIS_NIL ? 0 : -1;
	case HITS_EACH:
		return reply->type == REDIS_ARRAY ? values_in(reply) : -1;
	case HITS_PAGE:
		return page_hit(reply);
	case HITS_TYPE:
		if (reply->type != REDIS_STATUS || slice_is(reply->text, "QUEUED"))
			return -1;
		return !slice_is(reply->text, "none");
	default:
		break;
	}
	if (reply->type != REDIS_INTEGER)
		return -1;
	if (hits == HITS_COUNT)
		return reply->integer;
	return hits == HITS_TTL ? reply->integer != -2 : reply->integer != 0;
}

/* Far more lookups than one of our scripts makes. */
enum { max_script_lookups = 1 << 24 };

static bool can_be(int64_t lookups)
{
	return lookups >= 0 && lookups <= max_script_lookups;
}

static void script_tally(const struct redis_value *reply, struct commands_tally *tally)
{
	if (reply->count < 2 || reply->items[0]->type != REDIS_INTEGER ||
		reply->items[1]->type != REDIS_INTEGER || !can_be(reply->items[0]->integer) ||
		!can_be(reply->items[1]->integer))
		return;
	tally->hits += reply->items[0]->integer;
	tally->misses += reply->items[1]->integer;
}

void commands_tally(enum redis_command command, size_t keys, const struct redis_value *reply,
	struct commands_tally *tally)
{
	enum commands_hits kind = commands_rows[command].hits;

	if (kind == HITS_NONE)
		return;
	if (kind == HITS_SCRIPT && reply->type == REDIS_ARRAY) {
		script_tally(reply, tally);
		return;
	}
	if (kind != HITS_EACH && kind != HITS_COUNT)
		keys = 1;
	int64_t hits = hits_in(kind, reply);

	if (hits < 0 || hits > (int64_t)keys)
		return;
	tally->hits += hits;
	tally->misses += (int64_t)keys - hits;
}

enum error commands_check(enum redis_command command, size_t keys, const struct redis_value *reply,
	struct fault *fault)
{
	static const int64_t least[] = {
		[NUMBER_ANY] = -REDIS_MAX_NUMBER, [NUMBER_TTL] = -2, [NUMBER_KEYS] = 0};
	enum commands_number kind = commands_rows[command].number;
	int64_t most = kind == NUMBER_COUNT  ? REDIS_MAX_NUMBER - 1
		       : kind == NUMBER_BOOL ? 1
		       : kind == NUMBER_KEYS ? (int64_t)keys
					     : REDIS_MAX_NUMBER;

	if (reply->type != REDIS_INTEGER ||
		(reply->integer >= least[kind] && reply->integer <= most))
		return OK;
	return fault_set(fault, ERR_REDIS_PROTOCOL,
		"Redis answered %s with a number that cannot be its result (%lld, which is not "
		"between %lld and %lld)",
		command < COMMAND_COUNT ? commands_rows[command].name : "a command",
		(long long)reply->integer, (long long)least[kind], (long long)most);
}
