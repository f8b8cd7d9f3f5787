/* SPDX-License-Identifier: MIT */
/* Entries that the first step could not settle: full ones and empty ones; see entry_read.c. */
#include "base/mem.h"
#include "cache/entry_read.h"

static void fill_lengths(void *context, struct redis_batch *batch)
{
	const struct reading *r = context;

	for (size_t i = 0; i < r->again_count; i++)
		REDIS_ADD(batch, SLICE("STRLEN"), r->keys[r->again[i]]);
}

static void fill_again(void *context, struct redis_batch *batch)
{
	struct reading *r = context;

	for (size_t i = 0; i < r->again_count; i++)
		reading_add(r, batch, r->keys[r->again[i]], r->bounds[i]);
}

static void fill_settle(void *context, struct redis_batch *batch)
{
	REDIS_ADD(batch, SLICE("MULTI"));
	fill_again(context, batch);
	REDIS_ADD(batch, SLICE("EXEC"));
}

static bool is_full(const struct reading *r, const struct entry *entry)
{
	return reading_present(entry) && (int64_t)entry->stored.n > r->first;
}

static bool is_empty(const struct reading *r, const struct entry *entry)
{
	(void)r;
	return reading_present(entry) && entry->stored.n == 0;
}

static bool any(
	const struct reading *r, bool (*wanted)(const struct reading *r, const struct entry *))
{
	for (size_t i = 0; i < r->count; i++)
		if (wanted(r, &r->ret[i]))
			return true;
	return false;
}

/* Which entries another step is for, as places in r->again; false where it is for none. */
static bool choose(struct reading *r, bool (*wanted)(const struct reading *r, const struct entry *))
{
	if (!any(r, wanted))
		return false;
	if (!r->again) {
		r->again = mem_array(r->count, sizeof *r->again);
		r->bounds = mem_array(r->count, sizeof *r->bounds);
	}
	r->again_count = 0;
	for (size_t i = 0; i < r->count; i++)
		if (wanted(r, &r->ret[i]))
			r->again[r->again_count++] = i;
	return true;
}

/*
 * Keeps those of r->again that have room; the others are over a limit. One key alone is bounded by
 * max_value_bytes only. Returns the bytes of those that were kept.
 */
static int64_t ration(struct reading *r, const struct redis_batch *lengths)
{
	int64_t left = r->count > 1 ? ENTRY_MANY_BYTES : r->most, kept_bytes = 0;
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++)
		if (reading_present(&r->ret[i]) && !is_full(r, &r->ret[i]))
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
		kept_bytes += length;
		r->again[kept] = r->again[i];
		r->bounds[kept++] = length;
	}
	r->again_count = kept;
	return kept_bytes;
}

enum error reading_full_ones(struct reading *r, struct fault *fault)
{
	if (!choose(r, is_full))
		return OK;
	struct redis_batch *batch = redis_batch_new();
	enum error error = reading_run(r, REDIS_COMMANDS, fill_lengths, batch, fault);
	if (error)
		goto out;
	error = reading_claim(r, ration(r, batch), fault);
	redis_batch_clear(batch);
	if (error || r->again_count == 0)
		goto out;
	error = reading_run(r, REDIS_BULK, fill_again, batch, fault);
	for (size_t i = 0; i < r->again_count && !error; i++) {
		struct entry *entry = &r->ret[r->again[i]];

		const struct reading_replies replies = reading_replies(batch, i);

		error = reading_take(r, r->again[i], &replies, fault);
		if (error || !reading_present(entry))
			continue;
		/* It grew in between. */
		if ((int64_t)entry->stored.n > r->bounds[i])
			*entry = (struct entry){.error = ERR_REPLY_TOO_LARGE};
		else
			entry->reply = redis_batch_take(batch, READING_COMMANDS * i + 2);
	}
out:
	redis_batch_free(batch);
	return error;
}

/* An entry that looked empty, by replies that nothing came in between. */
static enum error settle_one(
	struct reading *r, size_t at, struct redis_value *const *items, struct fault *fault)
{
	const struct reading_replies replies = {items[0], items[1], items[2]};
	struct entry *entry = &r->ret[at];
	struct redis_value *reply = entry->reply; /* empty, as the value is, if it is */
	enum error error = reading_take(r, at, &replies, fault);

	if (!error && reading_present(entry) && entry->stored.n == 0) {
		entry->stored = reply->text;
		entry->reply = reply;
		return OK;
	}
	redis_value_free(reply);
	if (!error && reading_present(entry)) {
		r->unsettled = true;
		*entry = (struct entry){.pttl_ms = -2, .ttl_ms = -2};
	}
	return error;
}

enum error reading_empty_ones(struct reading *r, struct fault *fault)
{
	if (!choose(r, is_empty))
		return OK;
	struct redis_batch *batch = redis_batch_new();

	for (size_t i = 0; i < r->again_count; i++)
		r->bounds[i] = 0;
	enum error error = reading_run(r, REDIS_COMMANDS, fill_settle, batch, fault);
	if (error)
		goto out;
	const struct redis_value *all = redis_batch_reply(batch, redis_batch_count(batch) - 1);

	error = redis_value_error(all, fault);
	if (!error && (all->type != REDIS_ARRAY || all->count != READING_COMMANDS * r->again_count))
		error = reading_strange(fault);
	for (size_t i = 0; i < r->again_count && !error; i++)
		error = settle_one(r, r->again[i], all->items + READING_COMMANDS * i, fault);
out:
	redis_batch_free(batch);
	return error;
}
