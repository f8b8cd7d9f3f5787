/* SPDX-License-Identifier: MIT */
/*
 * Reading entries, one or many, with a bound on every reply.
 *
 *	PTTL mark, PTTL, GETRANGE 0 first        all keys, one pipeline
 *	STRLEN; PTTL mark, PTTL, GETRANGE 0 len  values longer than that, within ENTRY_MANY_BYTES
 *	MULTI PTTL mark, PTTL, GETRANGE EXEC     each empty answer of a key that exists
 *
 * Special: GETRANGE answers "" for an absent key, too. PTTL is sent first and
 * tells whether the key exists; an empty answer after a PTTL of an existing key may be a key that
 * was removed in between, and is read again in a transaction (entry_settle.c). If a value was
 * stored meanwhile, all is read once more.
 */
#include "base/mem.h"
#include "cache/codec.h"
#include "cache/entry_read_internal.h"
#include "cache/lookups.h"
#include "cache/soft_purge.h"
#include "redis/resp.h"

/* Bytes of one read before it has claimed room for the values. */
enum { unclaimed_bytes = 1024 * 1024 };

/* Bytes of values that one read takes over the connection of ordinary commands. */
enum { shared_bytes = 64 * 1024 };

/* Below the connection's own limit of a reply, so that the error can say what to do. */
enum { reply_bytes = RESP_MAX_BYTES - 1024 };

/* What is stored may be a little larger than the value where compressing it did not help. */
static int64_t stored_bound(int64_t max_value_bytes)
{
	int64_t bound = max_value_bytes + max_value_bytes / 256 + 64;

	return bound < reply_bytes ? bound : reply_bytes;
}

void entry_read_add(
	struct entry_reading *r, struct redis_batch *batch, struct slice key, int64_t bound)
{
	char digits[SLICE_INT_ROOM];

	buf_clear(&r->mark);
	soft_purge_key(r->cache, key, &r->mark);
	REDIS_ADD(batch, SLICE("PTTL"), buf_slice(&r->mark));
	REDIS_ADD(batch, SLICE("PTTL"), key);
	REDIS_ADD(batch, SLICE("GETRANGE"), key, SLICE("0"), slice_of_int(digits, bound));
}

static void fill_first(void *context, struct redis_batch *batch)
{
	struct entry_reading *r = context;

	for (size_t i = 0; i < r->count; i++)
		entry_read_add(r, batch, r->keys[i], r->first);
}

enum error entry_read_wrong_type(struct fault *fault)
{
	return fault_set(fault, ERR_REDIS_PROTOCOL, "Redis answered with another type than asked");
}

/* An error is the mark's too: without it, it is not known what is fresh. */
static enum error pttl_of(const struct redis_value *reply, int64_t *ret, struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);

	if (!error && (reply->type != REDIS_INTEGER || reply->integer < -2))
		error = entry_read_wrong_type(fault);
	*ret = error ? -2 : reply->integer;
	return error;
}

enum error entry_read_take(struct entry_reading *r, size_t at, const struct entry_replies *replies,
	struct fault *fault)
{
	const struct redis_value *range = replies->range;
	struct entry *entry = &r->ret[at];
	int64_t mark_ms, pttl_ms;
	struct fault own = {0};
	enum error error = redis_value_error(range, &own);

	*entry = (struct entry){.pttl_ms = -2, .ttl_ms = -2};
	if (error == ERR_WRONG_TYPE) {
		entry->error = error;
		return OK;
	}
	if (!error)
		error = pttl_of(replies->mark, &mark_ms, &own);
	if (!error)
		error = pttl_of(replies->pttl, &pttl_ms, &own);
	if (!error && range->type != REDIS_STRING)
		error = entry_read_wrong_type(&own);
	if (error) {
		if (fault)
			*fault = own;
		return error;
	}
	if (pttl_ms == -2)
		return OK;
	entry->stored = range->text;
	entry->pttl_ms = pttl_ms;
	entry->ttl_ms = entry_shown_ttl(r->conf, r->keys[at], pttl_ms, mark_ms);
	entry->stale = entry->ttl_ms == 0;
	return OK;
}

static struct entry_replies replies_of(const struct redis_batch *batch, size_t i)
{
	size_t at = ENTRY_READ_COMMANDS * i;

	return (struct entry_replies){redis_batch_reply(batch, at),
		redis_batch_reply(batch, at + 1), redis_batch_reply(batch, at + 2)};
}

static void refuse_large(const struct entry_reading *r, struct entry *entry)
{
	bool over = (int64_t)entry->stored.n > r->most ||
		    (!codec_is_compressed(entry->stored) &&
			    (int64_t)entry->stored.n > r->conf->max_value_bytes);

	if (entry_is_present(entry) && over)
		entry->error = ERR_TOO_LARGE;
}

enum error entry_read_step(struct entry_reading *r, enum redis_priority priority, entry_fill *fill,
	struct redis_batch *batch, struct fault *fault)
{
	struct entry_step step = {.cache = r->cache,
		.key = r->keys[0],
		.priority = r->count > ENTRY_FEW ? REDIS_BULK : priority,
		.idempotent = true,
		.fill = fill,
		.context = r};

	return entry_step(&step, batch, fault);
}

static enum error read_first(struct entry_reading *r, struct fault *fault)
{
	struct redis_batch *batch = cache_batch_take(r->cache);
	enum error error = entry_read_step(r, REDIS_COMMANDS, fill_first, batch, fault);

	for (size_t i = 0; i < r->count && !error; i++) {
		struct entry *entry = &r->ret[i];
		const struct entry_replies replies = replies_of(batch, i);

		error = entry_read_take(r, i, &replies, fault);
		if (!error && entry_is_present(entry))
			entry->reply = redis_batch_take(batch, ENTRY_READ_COMMANDS * i + 2);
	}
	cache_batch_give(r->cache, batch);
	return error;
}

/* An entry that is refused keeps its error alone. */
static void finish_entry(const struct entry_reading *r, struct entry *entry)
{
	refuse_large(r, entry);
	if (!entry->error)
		return;
	redis_value_free(entry->reply);
	*entry = (struct entry){.error = entry->error};
}

static void count_lookup(
	struct cache *cache, const struct conf *conf, struct slice key, const struct entry *entry)
{
	cache->gets++;
	if (entry->reply) {
		cache->hits++;
		entry_note_size(cache, entry->stored.n, "read");
	} else if (!entry->error) {
		cache->misses++;
	}
	if (cache->lookups && !entry->error)
		lookups_add(cache->lookups, conf, key, entry->reply != NULL, entry->reply == NULL);
}

static void finish(struct entry_reading *r)
{
	for (size_t i = 0; i < r->count; i++) {
		finish_entry(r, &r->ret[i]);
		count_lookup(r->cache, r->conf, r->keys[i], &r->ret[i]);
	}
}

static enum error claim_room(const struct entry_reading *r, int64_t more, struct fault *fault)
{
	size_t bytes = (size_t)more;

	if (!r->room)
		return OK;
	for (size_t i = 0; i < r->count; i++)
		if (entry_is_present(&r->ret[i]))
			bytes += r->ret[i].stored.n;
	return r->room->claim(r->room->context, bytes, fault);
}

/* Nothing that finds no room is fetched: of what is longer, the next step asks the length. */
static void bound_by_room(struct entry_reading *r)
{
	size_t left = r->room->left(r->room->context);

	if (left > unclaimed_bytes)
		left = unclaimed_bytes;
	if (r->count == 1 && left > shared_bytes)
		left = shared_bytes;
	if (left / r->count < (size_t)r->first)
		r->first = (int64_t)(left / r->count);
}

static void fill_lengths(void *context, struct redis_batch *batch)
{
	const struct entry_reading *r = context;

	for (size_t i = 0; i < r->place_count; i++)
		REDIS_ADD(batch, SLICE("STRLEN"), r->keys[r->places[i]]);
}

static void fill_places(void *context, struct redis_batch *batch)
{
	struct entry_reading *r = context;

	for (size_t i = 0; i < r->place_count; i++)
		entry_read_add(r, batch, r->keys[r->places[i]], r->bounds[i]);
}

/* Whether the key exists, and from `least` to `most` bytes of its value were read. */
static bool has_bytes(const struct entry *entry, int64_t least, int64_t most)
{
	int64_t n = (int64_t)entry->stored.n;

	return entry_is_present(entry) && n >= least && n <= most;
}

static bool any(const struct entry_reading *r, int64_t least, int64_t most)
{
	for (size_t i = 0; i < r->count; i++)
		if (has_bytes(&r->ret[i], least, most))
			return true;
	return false;
}

bool entry_read_choose(struct entry_reading *r, int64_t least, int64_t most)
{
	if (!any(r, least, most))
		return false;
	if (!r->places) {
		r->places = mem_array(r->count, sizeof *r->places);
		r->bounds = mem_array(r->count, sizeof *r->bounds);
	}
	r->place_count = 0;
	for (size_t i = 0; i < r->count; i++)
		if (has_bytes(&r->ret[i], least, most))
			r->places[r->place_count++] = i;
	return true;
}

/*
 * Keeps those of r->places that have room; the others are over a limit. One key alone is bounded by
 * max_value_bytes only. Returns the bytes of those that were kept.
 */
static int64_t ration(struct entry_reading *r, const struct redis_batch *lengths)
{
	int64_t left = r->count > 1 ? ENTRY_MANY_BYTES : r->most, kept_bytes = 0;
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++)
		if (has_bytes(&r->ret[i], 0, r->first))
			left -= (int64_t)r->ret[i].stored.n;
	for (size_t i = 0; i < r->place_count; i++) {
		struct entry *entry = &r->ret[r->places[i]];
		const struct redis_value *reply = redis_batch_reply(lengths, i);
		int64_t length = reply->type == REDIS_INTEGER ? reply->integer : r->most + 1;

		entry_release(entry);
		entry->error = length > r->most ? ERR_TOO_LARGE : ERR_REPLY_TOO_LARGE;
		if (length > r->most || length > left)
			continue;
		left -= length;
		kept_bytes += length;
		r->places[kept] = r->places[i];
		r->bounds[kept++] = length;
	}
	r->place_count = kept;
	return kept_bytes;
}

static enum error read_full_ones(struct entry_reading *r, struct fault *fault)
{
	if (!entry_read_choose(r, r->first + 1, INT64_MAX))
		return OK;
	struct redis_batch *batch = redis_batch_new();
	enum error error = entry_read_step(r, REDIS_COMMANDS, fill_lengths, batch, fault);
	if (error)
		goto out;
	error = claim_room(r, ration(r, batch), fault);
	redis_batch_clear(batch);
	if (error || r->place_count == 0)
		goto out;
	error = entry_read_step(r, REDIS_BULK, fill_places, batch, fault);
	for (size_t i = 0; i < r->place_count && !error; i++) {
		struct entry *entry = &r->ret[r->places[i]];
		const struct entry_replies replies = replies_of(batch, i);

		error = entry_read_take(r, r->places[i], &replies, fault);
		if (error || !entry_is_present(entry))
			continue;
		/* It grew in between. */
		if ((int64_t)entry->stored.n > r->bounds[i])
			*entry = (struct entry){.error = ERR_REPLY_TOO_LARGE};
		else
			entry->reply = redis_batch_take(batch, ENTRY_READ_COMMANDS * i + 2);
	}
out:
	redis_batch_free(batch);
	return error;
}

static void drop_all(struct entry_reading *r)
{
	for (size_t i = 0; i < r->count; i++)
		entry_release(&r->ret[i]);
}

static enum error read_once(struct entry_reading *r, struct fault *fault)
{
	r->unsettled = false;
	enum error error = read_first(r, fault);

	if (!error)
		error = claim_room(r, 0, fault);
	if (!error && r->first < r->most)
		error = read_full_ones(r, fault);
	if (!error)
		error = entry_settle(r, fault);
	return error;
}

static enum error read_all(struct entry_reading *r, struct fault *fault)
{
	int64_t share = ENTRY_MANY_BYTES / (int64_t)r->count;
	enum error error;

	for (size_t i = 0; i < r->count; i++)
		r->ret[i] = (struct entry){0};
	r->conf = conf_ref(r->cache->conf);
	r->most = stored_bound(r->conf->max_value_bytes);
	r->first = r->most;
	if (r->count > 1 && r->first > share)
		r->first = share;
	if (r->count > 1 && r->count <= ENTRY_FEW && r->first > shared_bytes)
		r->first = shared_bytes;
	if (r->room)
		bound_by_room(r);
	for (int tries = 3;; drop_all(r)) {
		error = read_once(r, fault);
		if (error || !r->unsettled || --tries == 0)
			break;
	}
	if (error)
		drop_all(r);
	else
		finish(r);
	buf_release(&r->mark);
	mem_free(r->places);
	mem_free(r->bounds);
	conf_unref(r->conf);
	return error;
}

enum error entry_read_many(struct cache *cache, const struct slice *keys, size_t count,
	const struct entry_room *room, struct entry *ret, struct fault *fault)
{
	struct entry_reading reading = {
		.cache = cache, .keys = keys, .count = count, .room = room, .ret = ret};

	return count ? read_all(&reading, fault) : OK;
}

enum error entry_read(struct cache *cache, struct slice key, struct entry *ret, struct fault *fault)
{
	return entry_read_within(cache, key, NULL, ret, fault);
}

enum error entry_read_within(struct cache *cache, struct slice key, const struct entry_room *room,
	struct entry *ret, struct fault *fault)
{
	int64_t most = cache->conf->max_value_bytes;
	enum error error = entry_read_many(cache, &key, 1, room, ret, fault);

	if (error)
		return error;
	if (ret->error == ERR_TOO_LARGE)
		return fault_set(fault, ERR_TOO_LARGE,
			"the stored value has more than %lld bytes (cache.max_value_bytes): raise "
			"that limit, or read the key from Redis itself",
			(long long)most);
	if (ret->error == ERR_REPLY_TOO_LARGE)
		return fault_set(fault, ret->error, "the value grew while it was read: ask again");
	if (ret->error)
		return fault_set(fault, ret->error,
			"the key holds a list, set, hash or other structure, not a string: read it "
			"from Redis itself, or delete it");
	return OK;
}
