/* SPDX-License-Identifier: MIT */
/*
 * What became of a batch that was answered; see window.h.
 *
 *	replies           -> stored, skipped or rejected
 *	the log's answer  -> stale keys are removed; without an answer all keys of the batch are,
 *			     by warm/undo if Redis is away
 */
#include <string.h>

#include "base/mem.h"
#include "warm/window_internal.h"

enum { tries = 3, retry_ms = 300 };

static const struct fault lost_log = {.error = ERR_INCOMPLETE,
	.detail = "the invalidation log was trimmed or emptied meanwhile; what was stored since "
		  "may be stale and was removed"};

struct slice window_key(const struct slot *slot, size_t i)
{
	size_t begin = i ? slot->items[i - 1].key_end : 0;

	return slice_of(slot->keys.p + begin, slot->items[i].key_end - begin);
}

static size_t get_tags(const struct slot *slot, size_t i, struct slice ret[ROW_MAX_TAGS])
{
	const char *at = slot->tags.p + (i ? slot->items[i - 1].tag_end : 0);
	const char *end = slot->tags.p + slot->items[i].tag_end;
	size_t count = 0;

	while (slot->tags.n && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		ret[count++] = slice_of(at, (size_t)(newline - at));
		at = newline + 1;
	}
	return count;
}

void window_reject(struct window *w, struct item *item, const struct fault *why)
{
	struct fault own = *why;

	/* Only ZADD minds a key's type. */
	if (own.error == ERR_WRONG_TYPE)
		fault_set(&own, ERR_WRONG_TYPE,
			"a tag's set in Redis is not a sorted set: delete the key %stag:NAME of "
			"that tag",
			w->cache->conf->redis.own_prefix);
	run_counts_reject(w->counts, item->row, &own);
	window_stop(w, &own);
}

void window_give_up(
	struct window *w, const struct slice *keys, size_t count, const struct fault *why)
{
	window_stop(w, why);
	undo_add(w->undo, keys, count);
}

bool window_held_back(const struct slot *slot)
{
	const struct redis_value *exec =
		slot->lead ? redis_batch_reply(slot->batch, slot->exec) : NULL;

	return exec && exec->type == REDIS_NIL;
}

/* The refusal of a command when it was queued says more than EXEC's reply. */
static const struct redis_value *why_aborted(const struct slot *slot)
{
	for (size_t i = 0; i < slot->exec; i++) {
		const struct redis_value *reply = redis_batch_reply(slot->batch, i);

		if (reply && reply->type == REDIS_ERROR)
			return reply;
	}
	return redis_batch_reply(slot->batch, slot->exec);
}

const struct redis_value *window_reply(const struct slot *slot, size_t command)
{
	const struct redis_value *exec;

	if (!slot->lead)
		return redis_batch_reply(slot->batch, command);
	exec = redis_batch_reply(slot->batch, slot->exec);
	if (exec && exec->type == REDIS_ARRAY && command - slot->lead < exec->count)
		return exec->items[command - slot->lead];
	return exec && exec->type == REDIS_ERROR ? why_aborted(slot) : exec;
}

/* Not stored because of its mode, or because another wrote its key. */
static bool left_alone(const struct item *item)
{
	const struct redis_value *reply = item->reply;

	return item->written || (reply && (reply->type == REDIS_NIL ||
						  (reply->type == REDIS_INTEGER &&
							  reply->integer != RECENT_WRITES_STORED)));
}

/* An entry without a reply may have been stored or not. */
void window_count(struct window *w, struct slot *slot, struct item *item, const struct fault *lost)
{
	const struct redis_value *reply = item->reply;
	struct fault fault;

	item->fate = NOT_STORED;
	item->untagged = false;
	if (left_alone(item)) {
		w->counts->skipped++;
	} else if (!reply) {
		item->fate = UNKNOWN;
		window_reject(w, item, lost);
	} else if (redis_value_error(reply, &fault)) {
		window_reject(w, item, &fault);
	} else if (item->tag_refusal) {
		redis_value_error(item->tag_refusal, &fault);
		item->fate = UNKNOWN;
		item->untagged = slot->untagged = true;
		window_reject(w, item, &fault);
	} else {
		item->fate = STORED;
		w->counts->stored++;
		w->counts->bytes += item->value_bytes;
		if (w->sample)
			key_sample_add(w->sample, window_key(slot, (size_t)(item - slot->items)),
				item->ttl_ms, item->shared);
	}
}

/* Reads the log again, alone, if the reply was lost with the connection. Parks. */
static bool ask_again(struct window *w, struct slot *slot)
{
	bool heard = false;

	for (int i = 0; i < tries && !heard; i++) {
		struct redis_batch *batch = redis_batch_new();

		if (i)
			fiber_sleep(retry_ms);
		inval_tail_add_read(&w->tail, batch, &slot->question);
		if (store_run(w->cache->store, REDIS_BULK, batch, clock_deadline(w->command_ms),
			    NULL) == OK)
			heard = inval_tail_take_reply(&w->tail, &slot->question,
				redis_batch_reply(batch, slot->question.index));
		redis_batch_free(batch);
	}
	return heard;
}

/* Parks. */
static enum error take_back(
	struct window *w, const struct slice *keys, size_t count, struct fault *fault)
{
	enum error error = entry_take_back(w->cache, keys, count, fault);

	for (int i = 1; error && i < tries; i++) {
		fiber_sleep(retry_ms);
		error = entry_take_back(w->cache, keys, count, fault);
	}
	return error;
}

/* Whether it must be removed: it is or may be stale, or a tag purge would not find it. Parks. */
static bool must_remove(const struct window *w, const struct slot *slot, size_t i, bool heard)
{
	const struct item *item = &slot->items[i];
	struct slice tags[ROW_MAX_TAGS];
	bool named;

	if (item->fate == NOT_STORED)
		return false;
	/* What was not compared to the end, because the run was cancelled, may be stale. */
	return !heard || item->untagged ||
	       inval_tail_check(
		       &w->tail, window_key(slot, i), tags, get_tags(slot, i, tags), &named) ||
	       named;
}

/* Removes stale keys of an answered batch: all of them if the log was not read. Parks. */
static void remove_stale(struct window *w, struct slot *slot, bool heard)
{
	struct slice *keys = mem_array(slot->count, sizeof *keys);
	size_t count = 0;
	struct fault fault;

	for (size_t i = 0; i < slot->count; i++) {
		struct item *item = &slot->items[i];

		if (!must_remove(w, slot, i, heard))
			continue;
		keys[count++] = window_key(slot, i);
		if (item->fate == STORED) {
			w->counts->stored--;
			w->counts->bytes -= item->value_bytes;
			w->counts->invalidated++;
		}
		item->fate = NOT_STORED;
	}
	if (take_back(w, keys, count, &fault))
		window_give_up(w, keys, count, &fault);
	mem_free(keys);
}

void window_judge(struct window *w, struct slot *slot, const struct redis_value *log,
	enum error error, const struct fault *lost)
{
	for (size_t i = 0; i < slot->count; i++)
		if (!slot->items[i].refused && !slot->items[i].counted && !slot->items[i].starves)
			window_count(w, slot, &slot->items[i], lost);
	bool heard = inval_tail_take_reply(&w->tail, &slot->question, log);

	if (heard && !slot->untagged && inval_tail_empty(&w->tail))
		return;
	fiber_cleanup_begin(w->command_ms);
	if (!heard && error)
		heard = ask_again(w, slot);
	remove_stale(w, slot, heard);
	fiber_cleanup_end();
	if (!heard)
		window_stop(w, &lost_log);
}
