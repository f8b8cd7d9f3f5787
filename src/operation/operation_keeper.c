/* SPDX-License-Identifier: MIT */
/*
 * The keeper: one fiber that runs while there are operations. Once a second it renews
 * cw:daemon:<instance>, writes progress, looks for cancellations by other daemons and stores
 * records that could not be stored before. It cancels operations at their deadline.
 */
#include <string.h>

#include "base/mem.h"
#include "operation/operation_internal.h"

#define LIST_MAX "10001"

enum {
	beat_every_ms = 1000,
	records_at_once = 64,
	looked_at_once = 512,
	max_tell_ms = 10000,
};

/* One round of the keeper. */
struct beat {
	struct operation *looked_at[looked_at_once];
	size_t count, mget;
	char saved[records_at_once][OPERATION_ID_BYTES + 1];
	size_t saved_count, saved_first;
};

static void expire(struct operations *operations)
{
	int64_t now = clock_mono_ms();

	for (struct operation *at = operations->active; at; at = at->next) {
		if (now < at->deadline || at->timed_out)
			continue;
		at->timed_out = true;
		operation_cancel(at);
	}
}

static int64_t next_look(const struct operations *operations, int64_t beat_mono_ms)
{
	int64_t next = beat_mono_ms;

	for (const struct operation *at = operations->active; at; at = at->next)
		if (!at->timed_out && at->deadline < next)
			next = at->deadline;
	return next;
}

/* The next interval: ever longer, so that long operations do not displace other events. */
static int64_t longer(int64_t every_ms)
{
	int64_t next = every_ms ? 2 * every_ms : beat_every_ms;

	return next < max_tell_ms ? next : max_tell_ms;
}

/* It has begun to wait, or goes on. Without a daemon there is no log. */
static void log_turn(struct operations *operations, const struct operation *operation)
{
	const char *subject = operation->subject ? operation->subject : "";
	struct log *log = operations->cache->log;

	if (!log)
		return;
	if (operation->told_waiting)
		log_warning(log, "%s%s%s waits: %s", operation->kind->name, *subject ? " " : "",
			subject, operation->waits.detail);
	else
		log_info(log, "%s%s%s waits no more", operation->kind->name, *subject ? " " : "",
			subject);
}

/* Whether it waits is told at once, and again only when that has changed. */
static bool tells_turn(struct operation *operation, int64_t now)
{
	bool waits = operation->waits.error != OK;

	if (waits == operation->told_waiting ||
		now < operation->turned_mono_ms + operation->turn_every_ms)
		return false;
	operation->told_waiting = waits;
	operation->turned_mono_ms = now;
	operation->turn_every_ms = longer(operation->turn_every_ms);
	return true;
}

static bool tells_progress(const struct operation *operation, int64_t now)
{
	return operation->progressed && !operation->waits.error && !operation->told_waiting &&
	       now >= operation->told_mono_ms + operation->tell_every_ms;
}

static void tell_progress(struct operations *operations)
{
	int64_t now = clock_mono_ms();

	for (struct operation *at = operations->active; at; at = at->next) {
		bool turned = tells_turn(at, now);

		if (turned)
			log_turn(operations, at);
		else if (!tells_progress(at, now))
			continue;
		at->told_mono_ms = now;
		at->tell_every_ms = longer(at->tell_every_ms);
		event_publish(operations->cache->bus, EVENT_OPERATION_PROGRESS, at);
	}
}

static void add_progress(struct operations *operations, struct redis_batch *batch)
{
	struct buf text = {0};
	int written = 0;

	for (struct operation *at = operations->active; at && written < records_at_once;
		at = at->next) {
		if (!at->progressed)
			continue;
		buf_clear(&text);
		operation_record_write(at, &text);
		operation_store_record(operations, batch, at->id, buf_slice(&text));
		at->progressed = false;
		written++;
	}
	buf_release(&text);
}

static void add_cancel_look(
	struct operations *operations, struct beat *beat, struct redis_batch *batch)
{
	struct slice argv[looked_at_once + 1] = {SLICE("MGET")};
	struct buf keys[looked_at_once] = {{0}};

	for (struct operation *at = operations->active; at && beat->count < looked_at_once;
		at = at->next) {
		struct buf *key = &keys[beat->count];

		cache_own_key(operations->cache, "op:", slice_str(at->id), key);
		buf_str(key, ":cancel");
		beat->looked_at[beat->count++] = operation_ref(at);
		argv[beat->count] = buf_slice(key);
	}
	if (beat->count)
		beat->mget = redis_batch_add(batch, beat->count + 1, argv);
	for (size_t i = 0; i < beat->count; i++)
		buf_release(&keys[i]);
}

static void add_unsaved(struct operations *operations, struct beat *beat, struct redis_batch *batch)
{
	beat->saved_first = redis_batch_count(batch);
	for (struct operation_past *at = operations->newest;
		at && beat->saved_count < records_at_once; at = at->older) {
		if (!at->unsaved)
			continue;
		memcpy(beat->saved[beat->saved_count++], at->id, sizeof at->id);
		operation_store_record(operations, batch, at->id, slice_of(at->text, at->n));
		operation_store_listing(operations, batch, at->id);
	}
}

static void take_replies(
	struct operations *operations, struct beat *beat, const struct redis_batch *batch)
{
	const struct redis_value *cancels =
		beat->count ? redis_batch_reply(batch, beat->mget) : NULL;

	for (size_t i = 0; cancels && i < cancels->count && i < beat->count; i++)
		if (cancels->items[i]->type == REDIS_STRING)
			operation_cancel(beat->looked_at[i]);
	/* Two commands each: the record, and its entry in the list. */
	for (size_t i = 0; i < beat->saved_count; i++) {
		const struct redis_value *reply =
			redis_batch_reply(batch, beat->saved_first + 2 * i);
		struct operation_past *past =
			operation_past_find(operations, slice_str(beat->saved[i]));

		if (past && reply && redis_value_error(reply, NULL) == OK)
			past->unsaved = false;
	}
}

static void send_beat(struct operations *operations)
{
	struct beat *beat = mem_new(struct beat);
	struct redis_batch *batch = redis_batch_new();
	struct buf key = {0};

	tell_progress(operations);
	operation_store_beat(operations, batch);
	cache_own_key(operations->cache, "ops", slice_of("", 0), &key);
	REDIS_ADD(
		batch, SLICE("ZREMRANGEBYRANK"), buf_slice(&key), SLICE("0"), SLICE("-" LIST_MAX));
	add_progress(operations, batch);
	add_cancel_look(operations, beat, batch);
	add_unsaved(operations, beat, batch);
	operations->beating = true;
	store_run(operations->cache->store, REDIS_COMMANDS, batch, clock_deadline(beat_every_ms),
		NULL);
	operations->beating = false;
	fiber_cond_broadcast(&operations->recorded);
	take_replies(operations, beat, batch);
	for (size_t i = 0; i < beat->count; i++)
		operation_unref(beat->looked_at[i]);
	buf_release(&key);
	redis_batch_free(batch);
	mem_free(beat);
}

static bool anything_unsaved(const struct operations *operations)
{
	for (const struct operation_past *at = operations->newest; at; at = at->older)
		if (at->unsaved)
			return true;
	return false;
}

static void keeper_fiber(void *argument)
{
	struct operations *operations = argument;
	int64_t next_beat = clock_deadline(beat_every_ms);

	while (!fiber_cancelled() && (operations->active || anything_unsaved(operations))) {
		if (fiber_park("the next beat", next_look(operations, next_beat)) == ERR_CANCELLED)
			break;
		expire(operations);
		if (clock_mono_ms() < next_beat)
			continue;
		send_beat(operations);
		next_beat = clock_deadline(beat_every_ms);
	}
	operations->keeper = NULL;
}

void operation_keeper_wake(struct operations *operations)
{
	if (operations->keeper)
		fiber_wake(operations->keeper);
	else if (!operations->stopping && (operations->active || anything_unsaved(operations)))
		operations->keeper =
			fiber_spawn(&operations->group, "keeper", keeper_fiber, operations);
}
