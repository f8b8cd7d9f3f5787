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

struct slice window_key(const struct half *half, size_t i)
{
	size_t begin = i ? half->items[i - 1].key_end : 0;

	return slice_of(half->keys.p + begin, half->items[i].key_end - begin);
}

static size_t get_tags(const struct half *half, size_t i, struct slice ret[ROW_MAX_TAGS])
{
	const char *at = half->tags.p + (i ? half->items[i - 1].tag_end : 0);
	const char *end = half->tags.p + half->items[i].tag_end;
	size_t count = 0;

	while (half->tags.n && at < end) {
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

bool window_held_back(const struct half *half)
{
	const struct redis_value *exec =
		half->lead ? redis_batch_reply(half->batch, half->exec) : NULL;

	return exec && exec->type == REDIS_NIL;
}

/* The refusal of a command when it was queued says more than EXEC's reply. */
static const struct redis_value *why_aborted(const struct half *half)
{
	for (size_t i = 0; i < half->exec; i++) {
		const struct redis_value *reply = redis_batch_reply(half->batch, i);

		if (reply && reply->type == REDIS_ERROR)
			return reply;
	}
	return redis_batch_reply(half->batch, half->exec);
}

const struct redis_value *window_reply(const struct half *half, size_t command)
{
	const struct redis_value *exec;

	if (!half->lead)
		return redis_batch_reply(half->batch, command);
	exec = redis_batch_reply(half->batch, half->exec);
	if (exec && exec->type == REDIS_ARRAY && command - half->lead < exec->count)
		return exec->items[command - half->lead];
	return exec && exec->type == REDIS_ERROR ? why_aborted(half) : exec;
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
void window_count(struct window *w, struct half *half, struct item *item, const struct fault *lost)
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
		item->untagged = half->untagged = true;
		window_reject(w, item, &fault);
	} else {
		item->fate = STORED;
		w->counts->stored++;
		w->counts->bytes += item->value_bytes;
		if (w->sample)
			key_sample_add(w->sample, window_key(half, (size_t)(item - half->items)),
				item->ttl_ms, item->shared);
	}
}

/* Reads the log again, alone, if the reply was lost with the connection. Parks. */
static bool ask_again(struct window *w, struct half *half)
{
	bool heard = false;

	for (int i = 0; i < tries && !heard; i++) {
		struct redis_batch *batch = redis_batch_new();

		if (i)
			fiber_sleep(retry_ms);
		inval_tail_add_read(&w->tail, batch, &half->question);
		if (store_run(w->cache->store, REDIS_BULK, batch, clock_deadline(w->command_ms),
			    NULL) == OK)
			heard = inval_tail_take_reply(&w->tail, &half->question,
				redis_batch_reply(batch, half->question.index));
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
static bool must_remove(const struct window *w, const struct half *half, size_t i, bool heard)
{
	const struct item *item = &half->items[i];
	struct slice tags[ROW_MAX_TAGS];
	bool named;

	if (item->fate == NOT_STORED)
		return false;
	/* What was not compared to the end, because the run was cancelled, may be stale. */
	return !heard || item->untagged ||
	       inval_tail_check(
		       &w->tail, window_key(half, i), tags, get_tags(half, i, tags), &named) ||
	       named;
}

/* Removes stale keys of an answered batch: all of them if the log was not read. Parks. */
static void remove_stale(struct window *w, struct half *half, bool heard)
{
	struct slice *keys = mem_array(half->count, sizeof *keys);
	size_t count = 0;
	struct fault fault;

	for (size_t i = 0; i < half->count; i++) {
		struct item *item = &half->items[i];

		if (!must_remove(w, half, i, heard))
			continue;
		keys[count++] = window_key(half, i);
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

void window_judge(struct window *w, struct half *half, const struct redis_value *log,
	enum error error, const struct fault *lost)
{
	for (size_t i = 0; i < half->count; i++)
		if (!half->items[i].refused && !half->items[i].counted && !half->items[i].starves)
			window_count(w, half, &half->items[i], lost);
	bool heard = inval_tail_take_reply(&w->tail, &half->question, log);

	if (heard && !half->untagged && inval_tail_empty(&w->tail))
		return;
	fiber_cleanup_begin(w->command_ms);
	if (!heard && error)
		heard = ask_again(w, half);
	remove_stale(w, half, heard);
	fiber_cleanup_end();
	if (!heard)
		window_stop(w, &lost_log);
}
