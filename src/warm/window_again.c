/* SPDX-License-Identifier: MIT */
/*
 * A batch that its guard has held back is stored again, without what was written meanwhile:
 *
 *	read the list -> script: what it names by now is left alone, the rest stored -> replies
 *	        ^ the list has grown much meanwhile
 *	the list is lost -> SET ... NX, one by one: nothing is replaced
 *
 * Special: a row whose key is in the batch behind this one is left to that, so that of two rows
 *with one key the last one stays.
 */
#include "base/mem.h"
#include "warm/window_internal.h"

enum { judge_tries = 10, item_words = 16 };

/* The keys of the batch behind this one, where it is on its way. */
static void later_keys(const struct window *w, const struct slot *slot, struct name_set *ret)
{
	const struct slot *other = &w->slots[slot == w->slots];

	for (size_t i = 0; other->in_flight && i < other->count; i++)
		name_set_add(ret, slot_key(other, i));
}

/* Marks what is left alone. */
static void mark(struct window *w, struct slot *slot, const struct name_set *later)
{
	for (size_t i = 0; i < slot->count; i++) {
		struct slice key = slot_key(slot, i);

		slot->items[i].reply = NULL;
		slot->items[i].written = written_has(&w->written, key) ||
					 name_set_has(later, key) ||
					 (w->written.lost && w->mode == ENTRY_REFRESH);
	}
}

/* The commands of an item, as the script wants them. */
static void add_item(const struct slot *slot, const struct item *item, struct written_store *store)
{
	static const struct slice counts[] = {{"0", 1}, {"1", 1}, {"2", 1}, {"3", 1}, {"4", 1},
		{"5", 1}, {"6", 1}, {"7", 1}, {"8", 1}, {"9", 1}, {"10", 2}, {"11", 2}, {"12", 2},
		{"13", 2}, {"14", 2}, {"15", 2}, {"16", 2}, {"17", 2}};

	_Static_assert(ROW_MAX_TAGS + 1 < sizeof counts / sizeof *counts, "each has a number");
	store->words[store->word_count++] = counts[item->set - item->command + 1];
	for (size_t i = item->command; i <= item->set; i++) {
		struct slice *words = &store->words[store->word_count + 1];
		size_t count = redis_batch_words(slot->batch, i, words, item_words);

		store->words[store->word_count] = counts[count];
		store->word_count += 1 + count;
	}
}

static void fill_store(const struct slot *slot, struct written_store *store)
{
	store->key_count = store->word_count = 0;
	for (size_t i = 0; i < slot->count; i++)
		if (!slot->items[i].written) {
			store->keys[store->key_count++] = slot_key(slot, i);
			add_item(slot, &slot->items[i], store);
		}
}

static void give_replies(struct slot *slot, struct redis_value *const *replies)
{
	for (size_t i = 0; i < slot->count; i++)
		if (!slot->items[i].written)
			slot->items[i].reply = *replies++;
}

/* Runs the batch with the question behind it. Parks. */
static enum error run(
	struct window *w, struct slot *slot, struct redis_batch *batch, struct fault *fault)
{
	trail_ask(&w->trail, batch, &slot->question);
	return redis_node_run(redis_store_node(w->cache->store, slot_key(slot, 0)), REDIS_BULK,
		batch, clock_deadline(w->command_ms), fault);
}

/* By script. ERR_CONFLICT: read the list, and ask again. Parks. */
static enum error store_judged(struct window *w, struct slot *slot, struct written_store *store,
	struct redis_batch *batch, struct fault *fault)
{
	struct redis_value *const *replies;

	fill_store(slot, store);
	size_t index = written_add_store(&w->written, store, batch);
	enum error error = run(w, slot, batch, fault);

	if (!error)
		error = written_judged(redis_batch_reply(batch, index), store, &replies, fault);
	if (!error)
		give_replies(slot, replies);
	return error;
}

/* Only where nothing is. Parks. */
static enum error store_missing(
	struct window *w, struct slot *slot, struct redis_batch *batch, struct fault *fault)
{
	struct slice words[item_words + 1];

	for (size_t i = 0; i < slot->count; i++) {
		struct item *item = &slot->items[i];

		for (size_t at = item->command; at <= item->set && !item->written; at++) {
			size_t n = redis_batch_words(slot->batch, at, words, item_words);

			if (at == item->set && w->mode == ENTRY_REPLACE)
				words[n++] = SLICE("NX");
			redis_batch_add(batch, n, words);
		}
	}
	enum error error = run(w, slot, batch, fault);
	for (size_t i = 0, at = 0; i < slot->count; i++) {
		struct item *item = &slot->items[i];

		if (item->written)
			continue;
		at += item->set - item->command + 1;
		item->reply = redis_batch_reply(batch, at - 1);
	}
	return error;
}

static size_t words_of(const struct slot *slot)
{
	size_t most = 0;

	for (size_t i = 0; i < slot->count; i++)
		most += 1 + (slot->items[i].set - slot->items[i].command + 1) * (1 + item_words);
	return most;
}

enum error window_store_again(
	struct window *w, struct slot *slot, struct redis_batch **ret, struct fault *fault)
{
	struct written_store store = {.keys = mem_array(slot->count, sizeof *store.keys),
		.words = mem_array(words_of(slot), sizeof *store.words)};
	struct redis_batch *batch = redis_batch_new();
	struct name_set later = {0};
	enum error error = ERR_CONFLICT;

	later_keys(w, slot, &later);
	for (int i = 0; error == ERR_CONFLICT; i++) {
		redis_batch_clear(batch);
		error = written_read(&w->written, fault);
		w->written.lost = w->written.lost || i == judge_tries;
		mark(w, slot, &later);
		if (!error)
			error = w->written.lost ? store_missing(w, slot, batch, fault)
						: store_judged(w, slot, &store, batch, fault);
	}
	/* Of an error before anything was sent. */
	if (redis_batch_count(batch) == 0)
		trail_ask(&w->trail, batch, &slot->question);
	name_set_release(&later);
	mem_free(store.keys);
	mem_free(store.words);
	*ret = batch;
	return error;
}
