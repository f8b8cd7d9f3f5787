/* SPDX-License-Identifier: MIT */
/*
 * Entries that look empty; see entry_read_internal.h.
 *
 *	MULTI PTTL mark, PTTL, GETRANGE EXEC	each empty answer of a key that exists
 *	EVAL of the same			where Redis is at maxmemory
 *
 * Special: at maxmemory Redis refuses every command in a transaction, also those that read, but a
 * script that only reads runs.
 */
#include "cache/entry_read_internal.h"
#include "cache/soft_purge.h"

/* A transaction for each key, because its commands must be for one slot. */
static void fill_settle(void *context, struct redis_batch *batch)
{
	struct entry_reading *r = context;

	for (size_t i = 0; i < r->place_count; i++) {
		REDIS_ADD(batch, SLICE("MULTI"));
		entry_read_add(r, batch, r->keys[r->places[i]], r->bounds[i]);
		REDIS_ADD(batch, SLICE("EXEC"));
	}
}

/* Own lookups as of every script, then what the transaction answers. */
static const char settle_script[] =
	"local m, p, v = redis.call('PTTL', KEYS[1]), redis.call('PTTL', KEYS[2]), "
	"redis.call('GETRANGE', KEYS[2], 0, ARGV[1]) "
	"local hits = (m ~= -2 and 1 or 0) + (p ~= -2 and 2 or 0) "
	"return {hits, 3 - hits, m, p, v}";

enum { script_tally = 2 }; /* replies before those of its commands */

static void fill_settle_scripts(void *context, struct redis_batch *batch)
{
	struct entry_reading *r = context;
	char digits[SLICE_INT_ROOM];

	for (size_t i = 0; i < r->place_count; i++) {
		struct slice key = r->keys[r->places[i]];

		buf_clear(&r->mark);
		soft_purge_key(r->cache, key, &r->mark);
		REDIS_ADD(batch, SLICE("EVAL"), slice_str(settle_script), SLICE("2"),
			buf_slice(&r->mark), key, slice_of_int(digits, r->bounds[i]));
	}
}

/*
 * An entry that looked empty, by replies that nothing came in between: EXEC's, or a script's, which
 * begin at `first`.
 */
static enum error settle_one(struct entry_reading *r, size_t at, const struct redis_value *all,
	size_t first, struct fault *fault)
{
	enum error error = redis_value_error(all, fault);

	if (!error && (all->type != REDIS_ARRAY || all->count != first + ENTRY_READ_COMMANDS))
		error = entry_read_wrong_type(fault);
	if (error)
		return error;
	struct redis_value *const *items = all->items + first;
	const struct entry_replies replies = {items[0], items[1], items[2]};
	struct entry *entry = &r->ret[at];
	struct redis_value *reply = entry->reply; /* empty, as the value is, if it is */

	error = entry_read_take(r, at, &replies, fault);
	if (!error && entry_is_present(entry) && entry->stored.n == 0) {
		entry->stored = reply->text;
		entry->reply = reply;
		return OK;
	}
	redis_value_free(reply);
	if (!error && entry_is_present(entry)) {
		r->unsettled = true;
		*entry = (struct entry){.pttl_ms = -2, .ttl_ms = -2};
	}
	return error;
}

/* Whether a command in one of the transactions was refused for want of memory. */
static bool lacks_memory(const struct redis_batch *batch)
{
	for (size_t i = 0; i < redis_batch_count(batch); i++)
		if (redis_value_error(redis_batch_reply(batch, i), NULL) == ERR_REDIS_OOM)
			return true;
	return false;
}

enum error entry_settle(struct entry_reading *r, struct fault *fault)
{
	/* MULTI and EXEC have replies, too. */
	size_t each = ENTRY_READ_COMMANDS + 2, first = 0;

	if (!entry_read_choose(r, 0, 0))
		return OK;
	struct redis_batch *batch = redis_batch_new();

	for (size_t i = 0; i < r->place_count; i++)
		r->bounds[i] = 0;
	enum error error = entry_read_step(r, REDIS_COMMANDS, fill_settle, batch, fault);
	if (!error && lacks_memory(batch)) {
		each = 1;
		first = script_tally;
		redis_batch_clear(batch);
		error = entry_read_step(r, REDIS_COMMANDS, fill_settle_scripts, batch, fault);
	}
	for (size_t i = 0; i < r->place_count && !error; i++)
		error = settle_one(r, r->places[i], redis_batch_reply(batch, each * (i + 1) - 1),
			first, fault);
	redis_batch_free(batch);
	return error;
}
