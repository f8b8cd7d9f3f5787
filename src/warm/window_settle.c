/* SPDX-License-Identifier: MIT */
/*
 * What becomes of an answered batch:
 *
 *	replies -> stored, skipped or rejected
 *	the log's answer -> what is stale goes; without an answer all of the batch does, later on if
 *			    Redis is away
 */
#include <string.h>

#include "base/mem.h"
#include "warm/window_internal.h"

enum { unlink_keys = 500, unlink_tries = 3, retry_ms = 300 };

static const struct fault lost_log = {.error = ERR_INCOMPLETE,
	.detail = "the invalidation log was trimmed or emptied meanwhile; what was stored since "
		  "may be stale and was removed"};

void slot_clear(struct slot *slot)
{
	redis_batch_clear(slot->batch);
	buf_clear(&slot->keys);
	buf_clear(&slot->tags);
	slot->count = slot->lead = 0;
	slot->in_flight = slot->untagged = false;
}

struct slice slot_key(const struct slot *slot, size_t i)
{
	size_t begin = i ? slot->items[i - 1].key_end : 0;

	return slice_of(slot->keys.p + begin, slot->items[i].key_end - begin);
}

static size_t slot_tags(const struct slot *slot, size_t i, struct slice ret[ROW_MAX_TAGS])
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

void window_stop(struct window *w, const struct fault *why)
{
	if (!w->stopped.error)
		w->stopped = *why;
}

void window_reject(struct window *w, struct item *item, const struct fault *why)
{
	tally_reject(w->tally, item->row, why);
	window_stop(w, why);
}

bool slot_held_back(const struct slot *slot)
{
	const struct redis_value *exec =
		slot->lead ? redis_batch_reply(slot->batch, slot->exec) : NULL;

	return exec && exec->type == REDIS_NIL;
}

/* What was refused when it was queued says more than EXEC does. */
static const struct redis_value *why_aborted(const struct slot *slot)
{
	for (size_t i = 0; i < slot->exec; i++) {
		const struct redis_value *reply = redis_batch_reply(slot->batch, i);

		if (reply && reply->type == REDIS_ERROR)
			return reply;
	}
	return redis_batch_reply(slot->batch, slot->exec);
}

/* The reply to a command of an item, wherever it is; NULL = none. */
static const struct redis_value *slot_reply(const struct slot *slot, size_t command)
{
	const struct redis_value *exec;

	if (!slot->lead)
		return redis_batch_reply(slot->batch, command);
	exec = redis_batch_reply(slot->batch, slot->exec);
	if (exec && exec->type == REDIS_ARRAY && command - slot->lead < exec->count)
		return exec->items[command - slot->lead];
	return exec && exec->type == REDIS_ERROR ? why_aborted(slot) : exec;
}

static void not_sorted(const struct window *w, struct fault *why)
{
	fault_set(why, ERR_WRONG_TYPE,
		"a tag's set in Redis is not a sorted set: delete the key %stag:NAME of that tag",
		w->cache->conf->redis.own_prefix);
}

/* Whether one of its ZADDs was refused; `why` says so. */
static bool tag_refused(
	const struct window *w, const struct slot *slot, const struct item *item, struct fault *why)
{
	enum error error = OK;

	/* A script stops at the first that is refused. */
	if (slot_held_back(slot))
		return OK;
	for (size_t i = item->command; i < item->set && !error; i++) {
		const struct redis_value *reply = slot_reply(slot, i);

		error = reply ? redis_value_error(reply, why) : OK;
	}
	if (error == ERR_WRONG_TYPE)
		not_sorted(w, why);
	return error;
}

/* By its mode, or because its key was written meanwhile. */
static bool left_alone(const struct item *item)
{
	const struct redis_value *reply = item->reply;

	return item->written ||
	       (reply && (reply->type == REDIS_NIL || (reply->type == REDIS_INTEGER &&
							      reply->integer != WRITTEN_STORED)));
}

/* An entry that got no answer may have been stored or not. */
static void count_reply(
	struct window *w, struct slot *slot, struct item *item, const struct fault *lost)
{
	const struct redis_value *reply = item->reply;
	struct fault fault;

	item->fate = NOT_STORED;
	item->untagged = false;
	if (left_alone(item)) {
		w->tally->skipped++;
	} else if (!reply) {
		item->fate = UNKNOWN;
		window_reject(w, item, lost);
	} else if (redis_value_error(reply, &fault)) {
		if (fault.error == ERR_WRONG_TYPE)
			not_sorted(w, &fault);
		window_reject(w, item, &fault);
	} else if (tag_refused(w, slot, item, &fault)) {
		item->fate = UNKNOWN;
		item->untagged = slot->untagged = true;
		window_reject(w, item, &fault);
	} else {
		item->fate = STORED;
		w->tally->stored++;
		w->tally->bytes += item->value_bytes;
	}
}

/* Asks the log anew, alone, where the answer was lost with the connection. Parks. */
static bool ask_again(struct window *w, struct slot *slot)
{
	struct redis_node *node = redis_store_node(w->cache->store, slot_key(slot, 0));
	bool heard = false;

	for (int i = 0; i < unlink_tries && !heard; i++) {
		struct redis_batch *batch = redis_batch_new();

		if (i)
			fiber_sleep(retry_ms);
		trail_ask(&w->trail, batch, &slot->question);
		if (redis_node_run(node, REDIS_BULK, batch, clock_deadline(w->command_ms), NULL) ==
			OK)
			heard = trail_hear(&w->trail, &slot->question,
				redis_batch_reply(batch, slot->question.index));
		redis_batch_free(batch);
	}
	return heard;
}

/* Parks. */
static enum error unlink_keys_of(
	struct window *w, struct slice *argv, size_t argc, struct fault *fault)
{
	struct redis_call call = {.role = REDIS_BULK, .idempotent = true};
	enum error error = OK;

	for (int i = 0; i < unlink_tries; i++) {
		if (i)
			fiber_sleep(retry_ms);
		error = redis_store_call(w->cache->store, call, argv[1], argc, argv, NULL, fault);
		if (!error)
			break;
	}
	return error;
}

/* Whether it may not stay: it is stale, might be, or a purge of its tag would not find it. Parks.
 */
static bool must_go(const struct window *w, const struct slot *slot, size_t i, bool heard)
{
	const struct item *item = &slot->items[i];
	struct slice tags[ROW_MAX_TAGS];

	if (item->fate == NOT_STORED)
		return false;
	return !heard || item->untagged ||
	       trail_matches(&w->trail, slot_key(slot, i), tags, slot_tags(slot, i, tags));
}

/* Removes what may not stay of an answered batch: all of it if the log was not heard. Parks. */
static void remove_stale(struct window *w, struct slot *slot, bool heard)
{
	struct slice argv[unlink_keys + 1] = {SLICE("UNLINK")};
	size_t argc = 1;
	struct fault fault;

	for (size_t i = 0; i < slot->count; i++) {
		struct item *item = &slot->items[i];

		if (must_go(w, slot, i, heard)) {
			argv[argc++] = slot_key(slot, i);
			if (item->fate == STORED) {
				w->tally->stored--;
				w->tally->bytes -= item->value_bytes;
				w->tally->invalidated++;
			}
		}
		if (argc > 1 && (argc == unlink_keys + 1 || i + 1 == slot->count)) {
			if (unlink_keys_of(w, argv, argc, &fault)) {
				window_stop(w, &fault);
				undo_add(w->undo, argv + 1, argc - 1);
			}
			argc = 1;
		}
	}
}

void window_settle(struct window *w, struct slot *slot)
{
	struct redis_batch *again = NULL;
	struct fault lost = {0};
	bool heard;

	if (!slot->in_flight)
		return;
	fiber_cleanup_begin(w->command_ms);
	enum error error = redis_batch_wait(slot->batch, clock_deadline(w->command_ms), &lost);
	fiber_cleanup_end();
	for (size_t i = 0; i < slot->count; i++) {
		slot->items[i].reply = slot_reply(slot, slot->items[i].set);
		slot->items[i].written = false;
	}
	if (slot_held_back(slot)) {
		fiber_cleanup_begin(w->command_ms);
		error = window_store_again(w, slot, &again, &lost);
		fiber_cleanup_end();
	}
	if (error && !lost.error)
		fault_set(&lost, error, "%s", error_title(error));
	for (size_t i = 0; i < slot->count; i++)
		count_reply(w, slot, &slot->items[i], &lost);
	heard = trail_hear(&w->trail, &slot->question,
		redis_batch_reply(again ? again : slot->batch, slot->question.index));
	if (!heard || slot->untagged || !trail_empty(&w->trail)) {
		fiber_cleanup_begin(w->command_ms);
		if (!heard && error)
			heard = ask_again(w, slot);
		remove_stale(w, slot, heard);
		fiber_cleanup_end();
		if (!heard)
			window_stop(w, &lost_log);
	}
	redis_batch_free(again);
	slot_clear(slot);
}
