/* SPDX-License-Identifier: MIT */
/* Batches of SETs and what becomes of them; see window.h. */
#include "warm/window.h"

#include <string.h>

#include "base/mem.h"
#include "warm/trail.h"

enum {
	slot_bytes = 1024 * 1024, /* a batch that has so many goes although it has few entries */
	unlink_keys = 500,
	unlink_tries = 3,
	retry_ms = 300,
	command_grace_ms = 500,
};

enum fate { NOT_STORED, STORED, UNKNOWN };

struct item {
	uint64_t row;
	size_t key_end; /* in the slot's keys */
	size_t value_bytes;
	enum fate fate;
};

/* One batch with the names of what is in it. */
struct slot {
	struct redis_batch *batch;
	struct buf keys;
	struct item *items;
	size_t count;
	struct trail_question question;
	int64_t since_ms;
	bool in_flight;
};

struct window {
	struct cw *cw;
	struct tally *tally;
	enum entry_mode mode;
	int64_t command_ms; /* by then Redis has answered or failed */
	size_t slot_entries;
	bool single; /* so small a window that there is one batch only */
	struct trail trail;
	struct slot slots[2];
	struct slot *filling;
	struct fault stopped; /* what ended it */
};

static const struct fault lost_log = {.error = ERR_INCOMPLETE,
	.detail = "the invalidation log was trimmed or emptied meanwhile; what was stored since "
		  "may be stale and was removed"};

static enum entry_mode entry_mode(enum conf_mode mode)
{
	switch (mode) {
	case MODE_MISSING:
		return ENTRY_MISSING;
	case MODE_REFRESH:
		return ENTRY_REFRESH;
	case MODE_REPLACE:
		break;
	}
	return ENTRY_REPLACE;
}

enum error window_open(struct cw *cw, const struct conf_job *job, struct tally *tally,
	struct window **ret, struct fault *fault)
{
	struct window *w = mem_new(struct window);

	w->cw = cw;
	w->tally = tally;
	w->mode = entry_mode(job->mode);
	w->command_ms = cw->conf->redis.command_timeout_ms + command_grace_ms;
	w->single = job->window < 4;
	/* The question is a command too. */
	w->slot_entries = (size_t)(w->single ? job->window : job->window / 2);
	w->slot_entries = w->slot_entries > 2 ? w->slot_entries - 1 : 1;
	for (int i = 0; i < 2; i++) {
		w->slots[i].batch = redis_batch_new();
		w->slots[i].items = mem_array(w->slot_entries, sizeof(struct item));
	}
	w->filling = &w->slots[0];
	*ret = w;
	return trail_begin(&w->trail, cw, fault);
}

void window_close(struct window *w)
{
	if (!w)
		return;
	for (int i = 0; i < 2; i++) {
		redis_batch_free(w->slots[i].batch);
		buf_release(&w->slots[i].keys);
		mem_free(w->slots[i].items);
	}
	trail_release(&w->trail);
	mem_free(w);
}

static void slot_clear(struct slot *slot)
{
	redis_batch_clear(slot->batch);
	buf_clear(&slot->keys);
	slot->count = 0;
	slot->in_flight = false;
}

static struct slice slot_key(const struct slot *slot, size_t i)
{
	size_t begin = i ? slot->items[i - 1].key_end : 0;

	return slice_of(slot->keys.p + begin, slot->items[i].key_end - begin);
}

/* The first reason stands. */
static void stop(struct window *w, const struct fault *why)
{
	if (!w->stopped.error)
		w->stopped = *why;
}

static void reject(struct window *w, struct item *item, const struct fault *why)
{
	tally_reject(w->tally, item->row, why);
	stop(w, why);
}

/* An entry that got no answer may have been stored or not. */
static void count_reply(struct window *w, struct item *item, const struct redis_value *reply,
	const struct fault *lost)
{
	struct fault fault;

	item->fate = NOT_STORED;
	if (!reply) {
		item->fate = UNKNOWN;
		reject(w, item, lost);
	} else if (redis_value_error(reply, &fault)) {
		reject(w, item, &fault);
	} else if (reply->type == REDIS_NIL) {
		w->tally->skipped++;
	} else {
		item->fate = STORED;
		w->tally->stored++;
		w->tally->bytes += item->value_bytes;
	}
}

/* Asks the log anew, alone, where the answer was lost with the connection. Parks. */
static bool ask_again(struct window *w, struct slot *slot)
{
	struct redis_node *node = redis_store_node(w->cw->store, slot_key(slot, 0));
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
		error = redis_store_call(w->cw->store, call, argv[1], argc, argv, NULL, fault);
		if (!error)
			break;
	}
	return error;
}

/* Removes what is stale of an answered batch: by name if the log was heard, else all. Parks. */
static void remove_stale(struct window *w, struct slot *slot, bool heard)
{
	struct slice argv[unlink_keys + 1] = {SLICE("UNLINK")};
	size_t argc = 1;
	struct fault fault;

	for (size_t i = 0; i < slot->count; i++) {
		struct item *item = &slot->items[i];

		if (item->fate != NOT_STORED &&
			(!heard || trail_matches(&w->trail, slot_key(slot, i)))) {
			argv[argc++] = slot_key(slot, i);
			if (item->fate == STORED) {
				w->tally->stored--;
				w->tally->bytes -= item->value_bytes;
				w->tally->invalidated++;
			}
		}
		if (argc > 1 && (argc == unlink_keys + 1 || i + 1 == slot->count)) {
			if (unlink_keys_of(w, argv, argc, &fault))
				stop(w, &fault);
			argc = 1;
		}
	}
}

/* Hears a batch to its end and settles it. Parks, though cancelled. */
static void settle(struct window *w, struct slot *slot)
{
	struct fault lost = {0};
	bool heard;

	if (!slot->in_flight)
		return;
	fiber_cleanup_begin(w->command_ms);
	enum error error = redis_batch_wait(slot->batch, clock_deadline(w->command_ms), &lost);
	fiber_cleanup_end();
	if (error && !lost.error)
		fault_set(&lost, error, "%s", error_title(error));
	for (size_t i = 0; i < slot->count; i++)
		count_reply(w, &slot->items[i], redis_batch_reply(slot->batch, i), &lost);
	heard = trail_hear(
		&w->trail, &slot->question, redis_batch_reply(slot->batch, slot->question.index));
	if (!heard || !trail_empty(&w->trail)) {
		fiber_cleanup_begin(w->command_ms);
		if (!heard && error)
			heard = ask_again(w, slot);
		remove_stale(w, slot, heard);
		fiber_cleanup_end();
		if (!heard)
			stop(w, &lost_log);
	}
	slot_clear(slot);
}

static enum error verdict(const struct window *w, struct fault *fault)
{
	if (w->stopped.error) {
		if (fault)
			*fault = w->stopped;
		return w->stopped.error;
	}
	if (fiber_cancelled())
		return fault_set(fault, ERR_CANCELLED, "the run was cancelled");
	return OK;
}

enum error window_send(struct window *w, struct fault *fault)
{
	struct slot *slot = w->filling;
	struct slot *other = &w->slots[slot == w->slots];
	struct fault why;

	if (slot->count == 0)
		return verdict(w, fault);
	trail_ask(&w->trail, slot->batch, &slot->question);
	if (redis_node_start(redis_store_node(w->cw->store, slot_key(slot, 0)), REDIS_BULK,
		    slot->batch, &why)) {
		for (size_t i = 0; i < slot->count; i++)
			reject(w, &slot->items[i], &why);
		slot_clear(slot);
		return verdict(w, fault);
	}
	slot->in_flight = true;
	if (w->single) {
		settle(w, slot);
	} else {
		w->filling = other;
		settle(w, other);
	}
	return verdict(w, fault);
}

enum error window_add(struct window *w, const struct window_entry *entry, struct fault *fault)
{
	struct slot *slot = w->filling;
	struct item *item = &slot->items[slot->count];

	if (slot->count++ == 0)
		slot->since_ms = (int64_t)uv_now(loop_uv(w->cw->loop));
	entry_store(slot->batch, entry->key, entry->value, entry->ttl_ms, w->mode);
	buf_add(&slot->keys, entry->key);
	item->row = entry->row;
	item->key_end = slot->keys.n;
	item->value_bytes = entry->value.n;
	if (slot->count < w->slot_entries && redis_batch_bytes(slot->batch) < slot_bytes)
		return OK;
	return window_send(w, fault);
}

enum error window_flush(struct window *w, struct fault *fault)
{
	if (!w->stopped.error)
		window_send(w, NULL);
	for (int i = 0; i < 2; i++) {
		struct slot *slot = &w->slots[i];

		settle(w, slot);
		for (size_t j = 0; j < slot->count; j++)
			tally_reject(w->tally, slot->items[j].row, &w->stopped);
		slot_clear(slot);
	}
	return verdict(w, fault);
}

int64_t window_waiting_since(const struct window *w)
{
	return w->filling->count ? w->filling->since_ms : -1;
}
