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

static void copy(const struct half *half, size_t command, struct redis_batch *batch)
{
	struct slice words[item_words];
	size_t count = redis_batch_words(half->batch, command, words, item_words);

	redis_batch_add(batch, count, words);
}

/* Whether the item goes into the step at hand. */
static bool is_stored(const struct item *item)
{
	return !item->written && !item->refused && !item->starves && !item->counted;
}

/* What others have written already. Parks. */
static enum error mark_written(struct window *w, struct half *half, struct fault *fault)
{
	enum error error = OK;

	if (!w->writes.lost) {
		fiber_cleanup_begin(w->command_ms);
		error = recent_writes_reader_read(&w->writes, fault);
		fiber_cleanup_end();
	}
	for (size_t i = 0; i < half->count; i++) {
		struct item *item = &half->items[i];

		item->reply = NULL;
		item->written = recent_writes_reader_has(&w->writes, window_key(half, i)) ||
				(w->writes.lost && w->mode == ENTRY_SET_IF_PRESENT);
	}
	return error;
}

static void reject_all(struct window *w, struct half *half, const struct fault *why)
{
	for (size_t i = 0; i < half->count; i++)
		if (!half->items[i].counted)
			window_reject(w, &half->items[i], why);
}

/* The SET of an item; without the lists it replaces nothing. */
static void add_set(const struct window *w, const struct half *half, const struct item *item,
	struct redis_batch *batch)
{
	struct slice words[item_words + 1];
	size_t count = redis_batch_words(half->batch, item->set, words, item_words);

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
static void store_tags(struct window *w, struct half *half)
{
	struct redis_batch *batch = redis_batch_new();
	struct fault lost = {0};
	size_t at = 0;

	for (size_t i = 0; i < half->count; i++)
		for (size_t c = half->items[i].command;
			is_stored(&half->items[i]) && c < half->items[i].set; c++)
			copy(half, c, batch);
	run(w, batch, &lost);
	for (size_t i = 0; i < half->count; i++) {
		struct item *item = &half->items[i];

		bool sent = is_stored(item);

		for (size_t c = item->command; sent && c < item->set; c++, at++)
			take_tag(w, item, redis_batch_reply(batch, at), &lost);
	}
	redis_batch_free(batch);
}

/* The replies to the SETs are in *ret, which the caller frees. Parks. */
static void store_values(
	struct window *w, struct half *half, struct redis_batch **ret, struct fault *lost)
{
	struct redis_batch *batch = redis_batch_new();
	size_t at = 0;

	for (size_t i = 0; i < half->count; i++)
		if (is_stored(&half->items[i]))
			add_set(w, half, &half->items[i], batch);
	run(w, batch, lost);
	for (size_t i = 0; i < half->count; i++)
		if (is_stored(&half->items[i]))
			half->items[i].reply = redis_batch_reply(batch, at++);
	*ret = batch;
}

/* Whether what was stored may have replaced what another wrote. */
static bool may_have_replaced(const struct window *w, const struct half *half, size_t i)
{
	return half->items[i].fate != NOT_STORED &&
	       (w->writes.lost || recent_writes_reader_has(&w->writes, window_key(half, i)));
}

/* Parks. */
static void remove_replaced(struct window *w, struct half *half)
{
	struct slice *keys = mem_array(half->count, sizeof *keys);
	struct slice *stored = mem_array(half->count, sizeof *stored);
	struct slice words[item_words];
	struct fault fault;
	size_t count = 0;

	for (size_t i = 0; i < half->count; i++) {
		struct item *item = &half->items[i];

		if (!may_have_replaced(w, half, i))
			continue;
		redis_batch_words(half->batch, item->set, words, item_words);
		keys[count] = window_key(half, i);
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
static enum error store_once(struct window *w, struct half *half)
{
	struct redis_batch *sets, *log;
	struct fault lost = {0}, why = {0};

	if (mark_written(w, half, &why)) {
		reject_all(w, half, &why);
		return why.error;
	}
	/* Reading the lists again may change it. */
	bool replaces = !w->writes.lost && w->mode != ENTRY_SET_IF_ABSENT;
	store_tags(w, half);
	store_values(w, half, &sets, &lost);
	window_note_starving(w, half);
	log = redis_batch_new();
	inval_tail_add_read(&w->tail, log, &half->question);
	if (w->absent)
		window_forget_absent(w, half, log);
	enum error error = run(w, log, &why);
	fiber_cleanup_begin(w->command_ms);
	/* Without the lists nothing is known of what others wrote. */
	if (replaces && recent_writes_reader_read(&w->writes, &why))
		w->writes.lost = true;
	fiber_cleanup_end();
	window_judge(w, half, redis_batch_reply(log, half->question.index), error, &lost);
	if (replaces)
		remove_replaced(w, half);
	redis_batch_free(log);
	redis_batch_free(sets);
	return OK;
}

void window_store_in_steps(struct window *w, struct half *half)
{
	window_begin_items(half);
	while (!store_once(w, half) && window_await_memory(w, half))
		;
	w->starves = false;
}
