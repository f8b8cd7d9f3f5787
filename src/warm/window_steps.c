/* SPDX-License-Identifier: MIT */
/*
 * A batch of entries over slots, where no transaction holds their keys, tags, and what others
 * write:
 *
 *	the lists of written keys   -> rows that are not stored
 *	ZADD tags                      acknowledged, else the row is rejected
 *	SETs                           acknowledged
 *	the log, the lists again    -> what they name is removed again
 *
 * What another wrote before our SET was noted before that, so it is in the lists that are read
 * after it. What is removed then is our value only: if another is there already, it stays. So what
 * is written while a batch is stored may be absent afterwards, but never has an older row in its
 * place. A list that is lost names nothing: what may have replaced something goes, and from then on
 * nothing is replaced.
 *
 * Where a primary has no memory for a tag or a value, the rest of the batch is judged, and what
 * starves goes through all steps again (window_memory.c).
 *
 * Special: nothing else of the window is in flight meanwhile. A batch is followed to its end,
 * though the run was cancelled.
 */
#include "base/mem.h"
#include "warm/window_internal.h"

enum { item_words = 16 };

/* Parks. */
static enum error run(struct window *w, struct redis_batch *batch, struct fault *fault)
{
	if (redis_batch_count(batch) == 0)
		return OK;
	fiber_cleanup_begin(w->command_ms);
	enum error error =
		store_run(w->cache->store, REDIS_BULK, batch, clock_deadline(w->command_ms), fault);
	fiber_cleanup_end();
	return error;
}

static void copy(const struct slot *slot, size_t command, struct redis_batch *batch)
{
	struct slice words[item_words];
	size_t count = redis_batch_words(slot->batch, command, words, item_words);

	redis_batch_add(batch, count, words);
}

/* Whether the item goes into the step at hand. */
static bool is_stored(const struct item *item)
{
	return !item->written && !item->refused && !item->starves && !item->counted;
}

/* What others have written already. Parks. */
static enum error mark_written(struct window *w, struct slot *slot, struct fault *fault)
{
	enum error error = OK;

	if (!w->writes.lost) {
		fiber_cleanup_begin(w->command_ms);
		error = recent_writes_reader_read(&w->writes, fault);
		fiber_cleanup_end();
	}
	for (size_t i = 0; i < slot->count; i++) {
		struct item *item = &slot->items[i];

		item->reply = NULL;
		item->written = recent_writes_reader_has(&w->writes, window_key(slot, i)) ||
				(w->writes.lost && w->mode == ENTRY_SET_IF_PRESENT);
	}
	return error;
}

static void reject_all(struct window *w, struct slot *slot, const struct fault *why)
{
	for (size_t i = 0; i < slot->count; i++)
		if (!slot->items[i].counted)
			window_reject(w, &slot->items[i], why);
}

/* The SET of an item; without the lists it replaces nothing. */
static void add_set(const struct window *w, const struct slot *slot, const struct item *item,
	struct redis_batch *batch)
{
	struct slice words[item_words + 1];
	size_t count = redis_batch_words(slot->batch, item->set, words, item_words);

	if (w->writes.lost && w->mode == ENTRY_SET && !slice_is(words[count - 1], "NX"))
		words[count++] = SLICE("NX");
	redis_batch_add(batch, count, words);
}

/* The reply to one of an item's ZADDs. */
static void take_tag(struct window *w, struct item *item, const struct redis_value *reply,
	const struct fault *lost)
{
	struct fault why = *lost;

	if (!is_stored(item) || (reply && redis_value_error(reply, &why) == OK) ||
		window_item_starves(w, item, &why))
		return;
	item->refused = true;
	window_reject(w, item, &why);
}

/* An item one of whose tags was not written is not stored, or not yet. Parks. */
static void store_tags(struct window *w, struct slot *slot)
{
	struct redis_batch *batch = redis_batch_new();
	struct fault lost = {0};
	size_t at = 0;

	for (size_t i = 0; i < slot->count; i++)
		for (size_t c = slot->items[i].command;
			is_stored(&slot->items[i]) && c < slot->items[i].set; c++)
			copy(slot, c, batch);
	run(w, batch, &lost);
	for (size_t i = 0; i < slot->count; i++) {
		struct item *item = &slot->items[i];

		bool sent = is_stored(item);

		for (size_t c = item->command; sent && c < item->set; c++, at++)
			take_tag(w, item, redis_batch_reply(batch, at), &lost);
	}
	redis_batch_free(batch);
}

/* The replies to the SETs are in *ret, which the caller frees. Parks. */
static void store_values(
	struct window *w, struct slot *slot, struct redis_batch **ret, struct fault *lost)
{
	struct redis_batch *batch = redis_batch_new();
	size_t at = 0;

	for (size_t i = 0; i < slot->count; i++)
		if (is_stored(&slot->items[i]))
			add_set(w, slot, &slot->items[i], batch);
	run(w, batch, lost);
	for (size_t i = 0; i < slot->count; i++)
		if (is_stored(&slot->items[i]))
			slot->items[i].reply = redis_batch_reply(batch, at++);
	*ret = batch;
}

/* Whether what was stored may have replaced what another wrote. */
static bool may_have_replaced(const struct window *w, const struct slot *slot, size_t i)
{
	return slot->items[i].fate != NOT_STORED &&
	       (w->writes.lost || recent_writes_reader_has(&w->writes, window_key(slot, i)));
}

/* Parks. */
static void remove_replaced(struct window *w, struct slot *slot)
{
	struct slice *keys = mem_array(slot->count, sizeof *keys);
	struct slice *stored = mem_array(slot->count, sizeof *stored);
	struct slice words[item_words];
	struct fault fault;
	size_t count = 0;

	for (size_t i = 0; i < slot->count; i++) {
		struct item *item = &slot->items[i];

		if (!may_have_replaced(w, slot, i))
			continue;
		redis_batch_words(slot->batch, item->set, words, item_words);
		keys[count] = window_key(slot, i);
		stored[count++] = words[2];
		if (item->fate == STORED) {
			w->counts->stored--;
			w->counts->bytes -= item->value_bytes;
			w->counts->skipped++;
		}
	}
	if (count) {
		fiber_cleanup_begin(w->command_ms);
		enum error error = entry_take_back_same(w->cache, keys, stored, count, &fault);
		fiber_cleanup_end();
		if (error)
			window_give_up(w, keys, count, &fault);
	}
	mem_free(keys);
	mem_free(stored);
}

/* Stores and judges what is not counted yet. An error: all of that is rejected. Parks. */
static enum error store_once(struct window *w, struct slot *slot)
{
	struct redis_batch *sets, *log;
	struct fault lost = {0}, why = {0};

	if (mark_written(w, slot, &why)) {
		reject_all(w, slot, &why);
		return why.error;
	}
	/* Reading the lists again may change it. */
	bool replaces = !w->writes.lost && w->mode != ENTRY_SET_IF_ABSENT;
	store_tags(w, slot);
	store_values(w, slot, &sets, &lost);
	window_note_starving(w, slot);
	log = redis_batch_new();
	inval_tail_add_read(&w->tail, log, &slot->question);
	if (w->absent)
		window_forget_absent(w, slot, log);
	enum error error = run(w, log, &why);
	fiber_cleanup_begin(w->command_ms);
	/* Without the lists nothing is known of what others wrote. */
	if (replaces && recent_writes_reader_read(&w->writes, &why))
		w->writes.lost = true;
	fiber_cleanup_end();
	window_judge(w, slot, redis_batch_reply(log, slot->question.index), error, &lost);
	if (replaces)
		remove_replaced(w, slot);
	redis_batch_free(log);
	redis_batch_free(sets);
	return OK;
}

void window_store_in_steps(struct window *w, struct slot *slot)
{
	window_begin_items(slot);
	while (!store_once(w, slot) && window_await_memory(w, slot))
		;
	w->starves = false;
}
