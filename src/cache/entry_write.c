/* SPDX-License-Identifier: MIT */
/*
 * Storing entries.
 *
 *	[WATCH, EVAL guard] MULTI; note; for each { [EXISTS] ZADD tags... SET }; DEL; EXEC
 *
 * The leases of the keys end with the write, because their holders loaded before it; so does the
 * mark of a soft purge (cache/soft_purge.h). The note is for warm runs (cache/write_log.h). Where
 * certain bytes are expected, the guard compares them, and changes a watched key if they differ, so
 * that EXEC does nothing.
 *
 * Special: a tag's key that is not a sorted set refuses its ZADD within EXEC, where the SET is
 * done. The value is then removed again, because no purge of the tag would find it.
 */
#include <assert.h>

#include "base/mem.h"
#include "cache/entry_internal.h"
#include "cache/lease.h"
#include "cache/soft_purge.h"
#include "cache/tag.h"
#include "cache/write_log.h"

enum { chunk_writes = 64, chunk_bytes = 1024 * 1024 };

/* Some writes that travel in one transaction. */
struct chunk {
	struct cache *cache;
	const struct entry_write *writes;
	size_t count;
	bool ask_exists;
	size_t lead; /* commands before MULTI */
	/* Places in EXEC's answer. */
	struct {
		size_t begin, set;
	} at[chunk_writes];
	struct redis_batch *batch;
	bool loose; /* MULTI was refused, so the commands ran one by one */
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
	write_log_note(chunk->cache, batch, keys, chunk->count);
}

/* What ends with the write: leases, marks of soft purges, what is kept of failed loads. */
static void add_ends(const struct chunk *chunk, struct redis_batch *batch)
{
	struct slice argv[1 + 3 * chunk_writes] = {SLICE("DEL")};
	struct buf names[3 * chunk_writes] = {0};
	size_t count = 3 * chunk->count;

	for (size_t i = 0; i < chunk->count; i++) {
		lease_key(chunk->cache, chunk->writes[i].key, &names[3 * i]);
		soft_purge_key(chunk->cache, chunk->writes[i].key, &names[3 * i + 1]);
		lease_failed_key(chunk->cache, chunk->writes[i].key, &names[3 * i + 2]);
	}
	for (size_t i = 0; i < count; i++)
		argv[1 + i] = buf_slice(&names[i]);
	redis_batch_add(batch, 1 + count, argv);
	for (size_t i = 0; i < count; i++)
		buf_release(&names[i]);
}

static void fill(void *context, struct redis_batch *batch)
{
	struct chunk *chunk = context;
	struct buf scratch = {0};

	if (chunk->writes[0].expected)
		add_guard(chunk, batch);
	chunk->lead = redis_batch_count(batch);
	REDIS_ADD(batch, SLICE("MULTI"));
	add_note(chunk, batch);
	for (size_t i = 0; i < chunk->count; i++) {
		const struct entry_write *write = &chunk->writes[i];
		struct entry_bytes bytes = entry_encode(chunk->cache, write, &scratch);

		/* MULTI's own reply is not part of EXEC's answer. */
		chunk->at[i].begin = redis_batch_count(batch) - chunk->lead - 1;
		if (chunk->ask_exists)
			REDIS_ADD(batch, SLICE("EXISTS"), write->key);
		tag_add(chunk->cache, batch, write->key, bytes.px_ms, write->tags,
			write->tag_count);
		chunk->at[i].set =
			entry_store(batch, write->key, bytes.stored, bytes.px_ms, write->mode) -
			chunk->lead - 1;
	}
	add_ends(chunk, batch);
	REDIS_ADD(batch, SLICE("EXEC"));
	buf_release(&scratch);
}

/* What the command at `at` in EXEC's answer was answered with, or by itself. */
static const struct redis_value *answer_at(
	const struct chunk *chunk, const struct redis_value *all, size_t at)
{
	return chunk->loose ? redis_batch_reply(chunk->batch, chunk->lead + 1 + at)
			    : all->items[at];
}

/*
 * EXEC's answer, NULL where the guard kept it from anything; the first refusal of what was queued
 * says more than EXEC's own.
 */
static enum error exec_answer(
	const struct chunk *chunk, const struct redis_value **ret, struct fault *fault)
{
	size_t count = redis_batch_count(chunk->batch);
	const struct redis_value *reply = redis_batch_reply(chunk->batch, count - 1);

	for (size_t i = 0; i < count; i++) {
		enum error error = redis_value_error(redis_batch_reply(chunk->batch, i), fault);

		if (error)
			return error;
	}
	if (chunk->lead && reply->type == REDIS_NIL)
		return OK;
	if (reply->type != REDIS_ARRAY || reply->count != count - 2 - chunk->lead)
		return fault_set(fault, ERR_REDIS_PROTOCOL, "EXEC answered with something else");
	*ret = reply;
	return OK;
}

/* The first error among the commands of write i. */
static enum error write_error(
	const struct chunk *chunk, size_t i, const struct redis_value *all, struct fault *fault)
{
	enum error error = OK;

	for (size_t at = chunk->at[i].begin; at <= chunk->at[i].set && !error; at++)
		error = redis_value_error(answer_at(chunk, all, at), fault);
	if (error == ERR_WRONG_TYPE)
		return fault_set(fault, error,
			"a tag's key in Redis is not a sorted set, so nothing was stored: delete "
			"the "
			"key %stag:NAME of that tag",
			chunk->cache->conf->redis.own_prefix);
	return error;
}

/* What was stored although one of its tags could not be. Parks. */
static void take_back(const struct chunk *chunk, size_t i)
{
	entry_take_back(chunk->cache, &chunk->writes[i].key, 1, NULL);
}

/* *ret stays NULL where nothing was done. */
static enum error run(struct chunk *chunk, const struct redis_value **ret, struct fault *fault)
{
	bool replaces = true;

	*ret = NULL;
	for (size_t i = 0; i < chunk->count; i++)
		replaces = replaces && chunk->writes[i].mode == ENTRY_REPLACE &&
			   !chunk->writes[i].expected;
	struct entry_step step = {.cache = chunk->cache,
		.key = chunk->writes[0].key,
		.role = chunk->count > 1 ? REDIS_BULK : REDIS_COMMANDS,
		.idempotent = replaces,
		.fill = fill,
		.context = chunk};
	enum error error = entry_step(&step, chunk->batch, fault);

	if (error)
		return error;
	chunk->loose = redis_batch_reply(chunk->batch, chunk->lead)->type == REDIS_ERROR;
	return exec_answer(chunk, ret, fault);
}

static bool was_set(const struct chunk *chunk, size_t i, const struct redis_value *all)
{
	return answer_at(chunk, all, chunk->at[i].set)->type == REDIS_STATUS;
}

/* Adds to *ret_stored; the first error, after all of the chunk was looked at. Parks. */
static enum error store_chunk(
	struct chunk *chunk, size_t *ret_stored, bool *ret_existed, struct fault *fault)
{
	const struct redis_value *all;

	chunk->batch = redis_batch_new();
	enum error error = run(chunk, &all, fault);
	bool looked = all || chunk->loose;

	for (size_t i = 0; looked && i < chunk->count; i++) {
		enum error own = write_error(chunk, i, all, error ? NULL : fault);

		if (own)
			take_back(chunk, i);
		else
			*ret_stored += was_set(chunk, i, all);
		error = error ? error : own;
	}
	if (looked && chunk->ask_exists)
		*ret_existed = answer_at(chunk, all, chunk->at[0].begin)->integer > 0;
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
	if (write->mode == ENTRY_REPLACE)
		return OK;
	enum error error = redis_store_command(
		cache->store, write->key, &reply, fault, SLICE("EXISTS"), write->key);
	if (error)
		return error;
	*ret_may = (reply->integer > 0) == (write->mode == ENTRY_REFRESH);
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
		*ret = existed ? ENTRY_REPLACED : ENTRY_CREATED;
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
