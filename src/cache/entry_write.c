/* SPDX-License-Identifier: MIT */
/*
 * Storing entries.
 *
 *	[WATCH, EVAL guard] MULTI; note; for each { [EXISTS] ZADD tags... SET }; DEL; EXEC
 *	over slots: { note, ZADD tags... } acknowledged
 *		    -> for each { [WATCH, EVAL guard] MULTI; [EXISTS] SET; DEL; EXEC }
 *
 * The leases of the keys end with the write, because their holders loaded before it; so does the
 * mark of a soft purge (cache/soft_purge.h). The note is for warm runs (cache/recent_writes.h).
 * Where certain bytes are expected, the guard compares them, and changes a watched key if they
 * differ, so that EXEC does nothing.
 *
 * Special: a tag's key that is not a sorted set refuses its ZADD within EXEC, where the SET is
 * done. The value is then removed again, because no purge of the tag would find it.
 */
#include <assert.h>

#include "base/mem.h"
#include "cache/entry_internal.h"
#include "cache/lease.h"
#include "cache/recent_writes.h"
#include "cache/soft_purge.h"
#include "cache/tag.h"

enum { chunk_writes = 64, chunk_bytes = 1024 * 1024 };

/* Some writes that travel together. */
struct chunk {
	struct cache *cache;
	const struct entry_write *writes;
	size_t count;
	bool ask_exists;
	bool split; /* over slots: each write is a transaction of its own */
	/* Places in the batch; the first three are those of the write's transaction. */
	struct {
		size_t first, multi, exec;
		size_t begin, set;
		bool refused; /* over slots: its tags or its note could not be written */
	} at[chunk_writes];
	struct fault refused; /* why the first of them could not */
	struct redis_batch *batch;
};

/* KEYS the entry, a name of ours that nothing else uses. Whatever has come in between counts. */
static const char guard_script[] =
	"local v = redis.pcall('GET', KEYS[1]) "
	"if v ~= ARGV[1] then redis.call('SET', KEYS[2], '') redis.call('DEL', KEYS[2]) end "
	"return {v and 1 or 0, v and 0 or 1}";

static void add_guard(const struct chunk *chunk, struct redis_batch *batch)
{
	const struct entry_write *write = &chunk->writes[0];
	struct buf unmet = {0};

	cache_own_beside(chunk->cache, "unmet:", write->key, &unmet);
	REDIS_ADD(batch, SLICE("WATCH"), write->key, buf_slice(&unmet));
	REDIS_ADD(batch, SLICE("EVAL"), slice_str(guard_script), SLICE("2"), write->key,
		buf_slice(&unmet), *write->expected);
	buf_release(&unmet);
}

static void add_note(const struct chunk *chunk, struct redis_batch *batch)
{
	struct slice keys[chunk_writes];

	for (size_t i = 0; i < chunk->count; i++)
		keys[i] = chunk->writes[i].key;
	recent_writes_add(chunk->cache, batch, keys, chunk->count);
}

/* What ends with the writes: leases, marks of soft purges, what is kept of failed loads. */
static void add_ends(const struct chunk *chunk, struct redis_batch *batch, size_t from, size_t to)
{
	struct slice argv[1 + 3 * chunk_writes] = {SLICE("DEL")};
	struct buf names[3 * chunk_writes] = {0};
	size_t count = 0;

	for (size_t i = from; i < to; i++) {
		lease_key(chunk->cache, chunk->writes[i].key, &names[count++]);
		soft_purge_key(chunk->cache, chunk->writes[i].key, &names[count++]);
		lease_failed_key(chunk->cache, chunk->writes[i].key, &names[count++]);
	}
	for (size_t i = 0; i < count; i++)
		argv[1 + i] = buf_slice(&names[i]);
	redis_batch_add(batch, 1 + count, argv);
	for (size_t i = 0; i < count; i++)
		buf_release(&names[i]);
}

static void add_write(struct chunk *chunk, struct redis_batch *batch, size_t i)
{
	const struct entry_write *write = &chunk->writes[i];
	struct buf scratch = {0};
	struct entry_bytes bytes = entry_encode(chunk->cache, write, &scratch);

	chunk->at[i].begin = redis_batch_count(batch);
	if (chunk->ask_exists)
		REDIS_ADD(batch, SLICE("EXISTS"), write->key);
	if (!chunk->split)
		tag_add(chunk->cache, batch, write->key, bytes.px_ms, write->tags,
			write->tag_count);
	chunk->at[i].set = entry_add_set(batch, write->key, bytes.stored, bytes.px_ms, write->mode);
	buf_release(&scratch);
}

/* The transaction of the writes [from, to). */
static void add_transaction(struct chunk *chunk, struct redis_batch *batch, size_t from, size_t to)
{
	size_t first = redis_batch_count(batch);

	if (chunk->writes[0].expected)
		add_guard(chunk, batch);
	size_t multi = REDIS_ADD(batch, SLICE("MULTI"));
	if (!chunk->split)
		add_note(chunk, batch);
	for (size_t i = from; i < to; i++)
		add_write(chunk, batch, i);
	add_ends(chunk, batch, from, to);
	size_t exec = REDIS_ADD(batch, SLICE("EXEC"));
	for (size_t i = from; i < to; i++) {
		chunk->at[i].first = first;
		chunk->at[i].multi = multi;
		chunk->at[i].exec = exec;
	}
}

static void fill(void *context, struct redis_batch *batch)
{
	struct chunk *chunk = context;

	if (!chunk->split)
		add_transaction(chunk, batch, 0, chunk->count);
	for (size_t i = 0; chunk->split && i < chunk->count; i++)
		if (!chunk->at[i].refused)
			add_transaction(chunk, batch, i, i + 1);
}

/* MULTI was refused, so the commands ran one by one. */
static bool is_loose(const struct chunk *chunk, size_t i)
{
	const struct redis_value *reply = redis_batch_reply(chunk->batch, chunk->at[i].multi);

	return reply && reply->type == REDIS_ERROR;
}

/* What the command at `at` in the batch was answered with, in EXEC's answer or by itself. */
static const struct redis_value *answer_at(
	const struct chunk *chunk, size_t i, const struct redis_value *all, size_t at)
{
	return all ? all->items[at - chunk->at[i].multi - 1] : redis_batch_reply(chunk->batch, at);
}

/*
 * EXEC's answer, NULL where the guard kept it from anything; the first refusal of what was queued
 * says more than EXEC's own.
 */
static enum error exec_answer(
	const struct chunk *chunk, size_t i, const struct redis_value **ret, struct fault *fault)
{
	size_t first = chunk->at[i].first, multi = chunk->at[i].multi, exec = chunk->at[i].exec;
	const struct redis_value *reply = redis_batch_reply(chunk->batch, exec);

	*ret = NULL;
	for (size_t at = first; at <= exec; at++) {
		enum error error = redis_value_error(redis_batch_reply(chunk->batch, at), fault);

		if (error)
			return error;
	}
	if (multi > first && reply->type == REDIS_NIL)
		return OK;
	if (reply->type != REDIS_ARRAY || reply->count != exec - multi - 1)
		return fault_set(fault, ERR_REDIS_PROTOCOL, "EXEC answered with something else");
	*ret = reply;
	return OK;
}

static enum error not_sorted(const struct chunk *chunk, struct fault *fault)
{
	return fault_set(fault, ERR_WRONG_TYPE,
		"a tag's key in Redis is not a sorted set, so nothing was stored: delete the "
		"key %stag:NAME of that tag",
		chunk->cache->conf->redis.own_prefix);
}

/* The first error among the commands of write i. */
static enum error write_error(
	const struct chunk *chunk, size_t i, const struct redis_value *all, struct fault *fault)
{
	enum error error = OK;

	for (size_t at = chunk->at[i].begin; at <= chunk->at[i].set && !error; at++)
		error = redis_value_error(answer_at(chunk, i, all, at), fault);
	return error == ERR_WRONG_TYPE ? not_sorted(chunk, fault) : error;
}

/* Whether the write was stored, and its error. Parks. */
static enum error write_outcome(
	struct chunk *chunk, size_t i, size_t *ret_stored, bool *ret_existed, struct fault *fault)
{
	const struct redis_value *all;
	enum error error = exec_answer(chunk, i, &all, fault);

	if (!all && !is_loose(chunk, i))
		return error;
	enum error own = write_error(chunk, i, all, error ? NULL : fault);

	/* What was stored although one of its tags could not be. */
	if (own)
		entry_take_back(chunk->cache, &chunk->writes[i].key, 1, NULL);
	else
		*ret_stored += answer_at(chunk, i, all, chunk->at[i].set)->type == REDIS_STATUS;
	if (chunk->ask_exists)
		*ret_existed = answer_at(chunk, i, all, chunk->at[i].begin)->integer > 0;
	return error ? error : own;
}

static enum redis_priority priority_of(const struct chunk *chunk)
{
	return chunk->count > 1 ? REDIS_BULK : REDIS_COMMANDS;
}

static enum error run(struct chunk *chunk, struct fault *fault)
{
	bool replaces = true;

	for (size_t i = 0; i < chunk->count; i++)
		replaces = replaces && chunk->writes[i].mode == ENTRY_SET &&
			   !chunk->writes[i].expected;
	struct entry_step step = {.cache = chunk->cache,
		.priority = priority_of(chunk),
		.idempotent = replaces,
		.fill = fill,
		.context = chunk};

	return entry_step(&step, chunk->batch, fault);
}

static void fill_announcement(void *context, struct redis_batch *batch)
{
	struct chunk *chunk = context;

	for (size_t i = 0; i < chunk->count; i++) {
		const struct entry_write *write = &chunk->writes[i];

		chunk->at[i].begin = redis_batch_count(batch);
		recent_writes_add(chunk->cache, batch, &write->key, 1);
		tag_add(chunk->cache, batch, write->key,
			entry_px(chunk->cache->conf, write->key, write->ttl_ms), write->tags,
			write->tag_count);
	}
}

/*
 * Over slots: tags and notes are written, and acknowledged, before the values. A write of which one
 * was not is refused. Parks.
 */
static void announce(struct chunk *chunk)
{
	struct redis_batch *batch = redis_batch_new();
	struct entry_step step = {.cache = chunk->cache,
		.priority = priority_of(chunk),
		.idempotent = true,
		.fill = fill_announcement,
		.context = chunk};
	struct fault lost = {0}, why;

	entry_step(&step, batch, &lost);
	for (size_t i = 0; i < chunk->count; i++) {
		size_t note = chunk->at[i].begin, end = note + 1 + chunk->writes[i].tag_count;
		enum error error = OK;

		for (size_t at = note; at < end && !error; at++) {
			const struct redis_value *reply = redis_batch_reply(batch, at);

			why = lost;
			error = reply ? redis_value_error(reply, &why) : lost.error;
			/* The list is another program's key: no run uses it. */
			if (error == ERR_WRONG_TYPE)
				error = at == note ? OK : not_sorted(chunk, &why);
		}
		chunk->at[i].refused = error;
		if (error && !chunk->refused.error)
			chunk->refused = why;
	}
	redis_batch_free(batch);
}

/* Adds to *ret_stored; the first error, after all of the chunk was looked at. Parks. */
static enum error store_chunk(
	struct chunk *chunk, size_t *ret_stored, bool *ret_existed, struct fault *fault)
{
	struct fault lost = {0};

	chunk->batch = redis_batch_new();
	chunk->split = !store_is_one(chunk->cache->store);
	if (chunk->split)
		announce(chunk);
	enum error error = chunk->refused.error, ran = run(chunk, &lost);
	if (error && fault)
		*fault = chunk->refused;
	for (size_t i = 0; i < chunk->count; i++) {
		struct fault *first = error ? NULL : fault;
		enum error own = ran;

		if (chunk->at[i].refused)
			continue;
		if (!ran || redis_batch_reply(chunk->batch, chunk->at[i].exec))
			own = write_outcome(chunk, i, ret_stored, ret_existed, first);
		else if (first)
			*first = lost;
		error = error ? error : own;
	}
	redis_batch_free(chunk->batch);
	return error;
}

enum error entry_check_size(
	const struct cache *cache, const struct entry_write *write, struct fault *fault)
{
	int64_t most = cache->conf->max_value_bytes;

	if ((int64_t)write->value.n <= most)
		return OK;
	return fault_set(fault, ERR_TOO_LARGE,
		"the value has %zu bytes; at most %lld are stored (cache.max_value_bytes)",
		write->value.n, (long long)most);
}

/*
 * Whether the mode lets it be stored, asked before anything is written, for ZADD knows no mode. If
 * the key comes or goes after that, SET's own NX or XX still holds.
 */
static enum error ask_mode(
	struct cache *cache, const struct entry_write *write, bool *ret_may, struct fault *fault)
{
	struct redis_value *reply;

	*ret_may = true;
	if (write->mode == ENTRY_SET)
		return OK;
	enum error error =
		store_command(cache->store, write->key, &reply, fault, SLICE("EXISTS"), write->key);
	if (error)
		return error;
	*ret_may = (reply->integer > 0) == (write->mode == ENTRY_SET_IF_PRESENT);
	redis_value_free(reply);
	return OK;
}

enum error entry_write(struct cache *cache, const struct entry_write *write,
	enum entry_outcome *ret, struct fault *fault)
{
	struct chunk chunk = {.cache = cache, .writes = write, .count = 1, .ask_exists = true};
	bool may = true, existed = false;
	size_t stored = 0;
	enum error error = entry_check_size(cache, write, fault);

	*ret = ENTRY_NOT_STORED;
	if (!error)
		error = ask_mode(cache, write, &may, fault);
	if (error || !may)
		return error;
	error = store_chunk(&chunk, &stored, &existed, fault);
	cache->sets += stored;
	if (stored)
		*ret = existed ? ENTRY_STORED_OVER : ENTRY_STORED_NEW;
	return error;
}

/* How many of `writes` go into one chunk, at least one. */
static size_t chunk_length(const struct entry_write *writes, size_t count)
{
	size_t n = 0, bytes = 0;

	while (n < count && n < chunk_writes &&
		(n == 0 || bytes + writes[n].value.n <= chunk_bytes))
		bytes += writes[n++].value.n;
	return n;
}

enum error entry_write_many(struct cache *cache, const struct entry_write *writes, size_t count,
	size_t *ret_stored, struct fault *fault)
{
	enum error error = OK;
	bool existed;

	*ret_stored = 0;
	for (size_t i = 0; i < count && !error; i++)
		error = entry_check_size(cache, &writes[i], fault);
	for (size_t at = 0, n; at < count && !error; at += n) {
		n = chunk_length(writes + at, count - at);
		struct chunk chunk = {.cache = cache, .writes = writes + at, .count = n};

		error = store_chunk(&chunk, ret_stored, &existed, fault);
	}
	cache->sets += *ret_stored;
	return error;
}
