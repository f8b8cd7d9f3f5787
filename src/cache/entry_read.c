/* SPDX-License-Identifier: MIT */
/*
 * Reading entries, one or many, with a bound on every reply.
 *
 *	PTTL, GETRANGE 0 first           all keys, one pipeline
 *	STRLEN; PTTL, GETRANGE 0 len     those that came back full, while ENTRY_MANY_BYTES lasts
 *	MULTI PTTL GETRANGE EXEC         those that came back empty though they are there
 *
 * Special: GETRANGE answers "" for an absent key, too. PTTL goes first, so that absent is told by
 * it; an empty answer after another PTTL may be a key that went in between, and is asked for again
 * where nothing can come in between. Where a value came meanwhile, all is read once more.
 */
#include <stdio.h>

#include "base/mem.h"
#include "cache/codec.h"
#include "cache/entry_internal.h"
#include "redis/frame.h"

/* Of values on the connection that everybody shares, where many are asked for at once. */
enum { shared_bytes = 64 * 1024 };

/* A connection's own cap on replies is told per reply; ours says what to do. */
enum { reply_bytes = FRAME_MAX_BYTES - 1024 };

struct reading {
	struct cw *cw;
	struct conf *conf;
	const struct slice *keys;
	size_t count;
	struct entry *ret;
	int64_t most;  /* bytes of any stored value */
	int64_t first; /* bytes that the first step takes of each */
	/* The second step and the third: places in `keys`, and the bound of each. */
	size_t *again;
	int64_t *bounds;
	size_t again_count;
	bool unsettled; /* a value came while an empty one was being asked for again */
};

/* What is stored may be a little larger than the value where compressing it did not help. */
static int64_t stored_bound(int64_t max_value_bytes)
{
	int64_t bound = max_value_bytes + max_value_bytes / 256 + 64;

	return bound < reply_bytes ? bound : reply_bytes;
}

static void add_read(struct redis_batch *batch, struct slice key, int64_t bound)
{
	char end[24];
	int n = snprintf(end, sizeof end, "%lld", (long long)bound);

	REDIS_ADD(batch, SLICE("PTTL"), key);
	REDIS_ADD(batch, SLICE("GETRANGE"), key, SLICE("0"), slice_of(end, (size_t)n));
}

static void fill_first(void *context, struct redis_batch *batch)
{
	const struct reading *r = context;

	for (size_t i = 0; i < r->count; i++)
		add_read(batch, r->keys[i], r->first);
}

static void fill_lengths(void *context, struct redis_batch *batch)
{
	const struct reading *r = context;

	for (size_t i = 0; i < r->again_count; i++)
		REDIS_ADD(batch, SLICE("STRLEN"), r->keys[r->again[i]]);
}

static void fill_again(void *context, struct redis_batch *batch)
{
	const struct reading *r = context;

	for (size_t i = 0; i < r->again_count; i++)
		add_read(batch, r->keys[r->again[i]], r->bounds[i]);
}

static void fill_settle(void *context, struct redis_batch *batch)
{
	REDIS_ADD(batch, SLICE("MULTI"));
	fill_again(context, batch);
	REDIS_ADD(batch, SLICE("EXEC"));
}

static enum error strange(struct fault *fault)
{
	return fault_set(fault, ERR_REDIS_PROTOCOL, "Redis answered with another type than asked");
}

/* An entry from its two replies. The text stays where it is: entry->reply is the caller's work. */
static enum error take(struct reading *r, size_t at, const struct redis_value *pttl,
	const struct redis_value *range, struct fault *fault)
{
	struct entry *entry = &r->ret[at];
	struct fault own;
	enum error error = redis_value_error(range, &own);

	*entry = (struct entry){.pttl_ms = -2, .ttl_ms = -2};
	if (error == ERR_WRONG_TYPE) {
		entry->error = error;
		return OK;
	}
	if (!error)
		error = redis_value_error(pttl, &own);
	if (error) {
		if (fault)
			*fault = own;
		return error;
	}
	if (pttl->type != REDIS_INTEGER || range->type != REDIS_STRING)
		return strange(fault);
	if (pttl->integer == -2)
		return OK;
	entry->stored = range->text;
	entry->pttl_ms = pttl->integer;
	entry->ttl_ms = entry_shown_ttl(r->conf, r->keys[at], pttl->integer);
	entry->stale = entry->ttl_ms == 0;
	return OK;
}

static bool present(const struct entry *entry)
{
	return !entry->error && entry->pttl_ms != -2;
}

static void refuse_large(const struct reading *r, struct entry *entry)
{
	bool over = (int64_t)entry->stored.n > r->most ||
		    (!codec_is_compressed(entry->stored) &&
			    (int64_t)entry->stored.n > r->conf->max_value_bytes);

	if (present(entry) && over)
		entry->error = ERR_TOO_LARGE;
}

static enum error run(
	struct reading *r, entry_fill *fill, struct redis_batch *batch, struct fault *fault)
{
	struct entry_step step = {.cw = r->cw,
		.key = r->keys[0],
		.role = r->count > ENTRY_FEW || fill == fill_again ? REDIS_BULK : REDIS_COMMANDS,
		.idempotent = true,
		.fill = fill,
		.context = r};

	return entry_step(&step, batch, fault);
}

static enum error read_first(struct reading *r, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	enum error error = run(r, fill_first, batch, fault);

	for (size_t i = 0; i < r->count && !error; i++) {
		struct entry *entry = &r->ret[i];

		error = take(r, i, redis_batch_reply(batch, 2 * i),
			redis_batch_reply(batch, 2 * i + 1), fault);
		if (!error && present(entry))
			entry->reply = redis_batch_take(batch, 2 * i + 1);
	}
	redis_batch_free(batch);
	return error;
}

/* Which entries another step is for, as places in r->again. */
static void choose(struct reading *r, bool (*wanted)(const struct reading *r, const struct entry *))
{
	if (!r->again) {
		r->again = mem_array(r->count, sizeof *r->again);
		r->bounds = mem_array(r->count, sizeof *r->bounds);
	}
	r->again_count = 0;
	for (size_t i = 0; i < r->count; i++)
		if (wanted(r, &r->ret[i]))
			r->again[r->again_count++] = i;
}

static bool is_full(const struct reading *r, const struct entry *entry)
{
	return present(entry) && (int64_t)entry->stored.n > r->first;
}

static bool is_empty(const struct reading *r, const struct entry *entry)
{
	(void)r;
	return present(entry) && entry->stored.n == 0;
}

static bool any(
	const struct reading *r, bool (*wanted)(const struct reading *r, const struct entry *))
{
	for (size_t i = 0; i < r->count; i++)
		if (wanted(r, &r->ret[i]))
			return true;
	return false;
}

/* Keeps those of r->again that have room; the others are over a limit. */
static void ration(struct reading *r, const struct redis_batch *lengths)
{
	int64_t left = ENTRY_MANY_BYTES;
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++)
		if (present(&r->ret[i]) && !is_full(r, &r->ret[i]))
			left -= (int64_t)r->ret[i].stored.n;
	for (size_t i = 0; i < r->again_count; i++) {
		struct entry *entry = &r->ret[r->again[i]];
		const struct redis_value *reply = redis_batch_reply(lengths, i);
		int64_t length = reply->type == REDIS_INTEGER ? reply->integer : r->most + 1;

		entry_release(entry);
		entry->error = length > r->most ? ERR_TOO_LARGE : ERR_REPLY_TOO_LARGE;
		if (length > r->most || length > left)
			continue;
		left -= length;
		r->again[kept] = r->again[i];
		r->bounds[kept++] = length;
	}
	r->again_count = kept;
}

static enum error read_full_ones(struct reading *r, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();

	choose(r, is_full);
	enum error error = run(r, fill_lengths, batch, fault);
	if (error)
		goto out;
	ration(r, batch);
	redis_batch_clear(batch);
	if (r->again_count == 0)
		goto out;
	error = run(r, fill_again, batch, fault);
	for (size_t i = 0; i < r->again_count && !error; i++) {
		struct entry *entry = &r->ret[r->again[i]];

		error = take(r, r->again[i], redis_batch_reply(batch, 2 * i),
			redis_batch_reply(batch, 2 * i + 1), fault);
		if (error || !present(entry))
			continue;
		/* It grew in between. */
		if ((int64_t)entry->stored.n > r->bounds[i])
			*entry = (struct entry){.error = ERR_REPLY_TOO_LARGE};
		else
			entry->reply = redis_batch_take(batch, 2 * i + 1);
	}
out:
	redis_batch_free(batch);
	return error;
}

/* An entry that looked empty, by replies that nothing came in between. */
static enum error settle_one(struct reading *r, size_t at, const struct redis_value *pttl,
	const struct redis_value *range, struct fault *fault)
{
	struct entry *entry = &r->ret[at];
	struct redis_value *reply = entry->reply; /* empty, as the value is, if it is */
	enum error error = take(r, at, pttl, range, fault);

	if (!error && present(entry) && entry->stored.n == 0) {
		entry->stored = reply->text;
		entry->reply = reply;
		return OK;
	}
	redis_value_free(reply);
	if (!error && present(entry)) {
		r->unsettled = true;
		*entry = (struct entry){.pttl_ms = -2, .ttl_ms = -2};
	}
	return error;
}

static enum error settle_empty_ones(struct reading *r, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();

	choose(r, is_empty);
	for (size_t i = 0; i < r->again_count; i++)
		r->bounds[i] = 0;
	enum error error = run(r, fill_settle, batch, fault);
	if (error)
		goto out;
	const struct redis_value *all = redis_batch_reply(batch, redis_batch_count(batch) - 1);

	error = redis_value_error(all, fault);
	if (!error && (all->type != REDIS_ARRAY || all->count != 2 * r->again_count))
		error = strange(fault);
	for (size_t i = 0; i < r->again_count && !error; i++)
		error = settle_one(r, r->again[i], all->items[2 * i], all->items[2 * i + 1], fault);
out:
	redis_batch_free(batch);
	return error;
}

static void count(struct reading *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct entry *entry = &r->ret[i];

		refuse_large(r, entry);
		if (entry->error) {
			redis_value_free(entry->reply);
			*entry = (struct entry){.error = entry->error};
		}
		r->cw->gets++;
		if (entry->reply) {
			r->cw->hits++;
			entry_note_size(r->cw, entry->stored.n, "read");
		} else if (!entry->error) {
			r->cw->misses++;
		}
	}
}

static void drop_all(struct reading *r)
{
	for (size_t i = 0; i < r->count; i++)
		entry_release(&r->ret[i]);
}

static enum error read_once(struct reading *r, struct fault *fault)
{
	r->unsettled = false;
	enum error error = read_first(r, fault);

	if (!error && r->first < r->most && any(r, is_full))
		error = read_full_ones(r, fault);
	if (!error && any(r, is_empty))
		error = settle_empty_ones(r, fault);
	return error;
}

static enum error read_all(struct reading *r, struct fault *fault)
{
	int64_t share = ENTRY_MANY_BYTES / (int64_t)r->count;
	enum error error;

	for (size_t i = 0; i < r->count; i++)
		r->ret[i] = (struct entry){0};
	r->conf = conf_ref(r->cw->conf);
	r->most = stored_bound(r->conf->max_value_bytes);
	r->first = r->most;
	if (r->count > 1 && r->first > share)
		r->first = share;
	if (r->count > 1 && r->count <= ENTRY_FEW && r->first > shared_bytes)
		r->first = shared_bytes;
	for (int tries = 3;; drop_all(r)) {
		error = read_once(r, fault);
		if (error || !r->unsettled || --tries == 0)
			break;
	}
	if (error)
		drop_all(r);
	else
		count(r);
	mem_free(r->again);
	mem_free(r->bounds);
	conf_unref(r->conf);
	return error;
}

enum error entry_read_many(struct cw *cw, const struct slice *keys, size_t count, struct entry *ret,
	struct fault *fault)
{
	struct reading reading = {.cw = cw, .keys = keys, .count = count, .ret = ret};

	return count ? read_all(&reading, fault) : OK;
}

enum error entry_read(struct cw *cw, struct slice key, struct entry *ret, struct fault *fault)
{
	int64_t most = cw->conf->max_value_bytes;
	enum error error = entry_read_many(cw, &key, 1, ret, fault);

	if (error)
		return error;
	if (ret->error == ERR_TOO_LARGE)
		return fault_set(fault, ERR_TOO_LARGE,
			"the stored value has more than %lld bytes (cache.max_value_bytes): raise "
			"that limit, or read the key from Redis itself",
			(long long)most);
	if (ret->error)
		return fault_set(fault, ret->error,
			"the key holds a list, set, hash or other structure, not a string: read it "
			"from Redis itself, or delete it");
	return OK;
}
