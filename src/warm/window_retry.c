/* SPDX-License-Identifier: MIT */
/*
 * A batch that its guard has held back is stored again, without the keys that others have written:
 *
 *	read the list -> script: stores the entries whose keys it does not name -> replies
 *	        ^ the list has grown much meanwhile
 *	the list is lost -> SET ... NX, one by one: nothing is replaced
 *
 * An entry whose key is also in the batch sent after this one is left to that batch, so that of two
 * rows with one key the last one stays.
 */
#include "base/mem.h"
#include "warm/window_internal.h"

enum { judge_tries = 10, item_words = 16 };

/* The keys of the batch that was sent after this one, if it is in flight. */
static void later_keys(const struct window *w, const struct half *half, struct name_set *ret)
{
	const struct half *other = &w->halves[half == w->halves];

	for (size_t i = 0; other->in_flight && i < other->count; i++)
		name_set_add(ret, window_key(other, i));
}

/* Marks the entries that are not stored. */
static void mark(struct window *w, struct half *half, const struct name_set *later)
{
	for (size_t i = 0; i < half->count; i++) {
		struct slice key = window_key(half, i);

		if (half->items[i].counted)
			continue;
		half->items[i].reply = half->items[i].tag_refusal = NULL;
		half->items[i].written = recent_writes_reader_has(&w->writes, key) ||
					 name_set_has(later, key) ||
					 (w->writes.lost && w->mode == ENTRY_SET_IF_PRESENT);
	}
}

static bool is_sent(const struct item *item)
{
	return !item->written && !item->counted;
}

/* The commands of an item, in the script's format. */
static void add_item(
	const struct half *half, const struct item *item, struct recent_writes_store *store)
{
	static const struct slice counts[] = {{"0", 1}, {"1", 1}, {"2", 1}, {"3", 1}, {"4", 1},
		{"5", 1}, {"6", 1}, {"7", 1}, {"8", 1}, {"9", 1}, {"10", 2}, {"11", 2}, {"12", 2},
		{"13", 2}, {"14", 2}, {"15", 2}, {"16", 2}, {"17", 2}};

	_Static_assert(
		ROW_MAX_TAGS + 1 < sizeof counts / sizeof *counts, "every count has its digits");
	store->words[store->word_count++] = counts[item->set - item->command + 1];
	for (size_t i = item->command; i <= item->set; i++) {
		struct slice *words = &store->words[store->word_count + 1];
		size_t count = redis_batch_words(half->batch, i, words, item_words);

		store->words[store->word_count] = counts[count];
		store->word_count += 1 + count;
	}
}

static void fill_store(const struct half *half, struct recent_writes_store *store)
{
	store->key_count = store->word_count = 0;
	for (size_t i = 0; i < half->count; i++)
		if (is_sent(&half->items[i])) {
			store->keys[store->key_count++] = window_key(half, i);
			add_item(half, &half->items[i], store);
		}
}

static void give_replies(struct half *half, struct redis_value *const *replies)
{
	for (size_t i = 0; i < half->count; i++)
		if (is_sent(&half->items[i]))
			half->items[i].reply = *replies++;
}

/* Runs the batch with a read of the log at its end. Parks. */
static enum error run(
	struct window *w, struct half *half, struct redis_batch *batch, struct fault *fault)
{
	inval_tail_add_read(&w->tail, batch, &half->question);
	return store_run(w->cache->store, REDIS_BULK, batch, clock_deadline(w->command_ms), fault);
}

/* By script. ERR_CONFLICT: the list must be read again. Parks. */
static enum error store_judged(struct window *w, struct half *half,
	struct recent_writes_store *store, struct redis_batch *batch, struct fault *fault)
{
	struct redis_value *const *replies;

	fill_store(half, store);
	size_t index = recent_writes_reader_add_store(&w->writes, store, batch);
	enum error error = run(w, half, batch, fault);

	if (!error)
		error = recent_writes_reader_take_reply(
			redis_batch_reply(batch, index), store, &replies, fault);
	if (!error)
		give_replies(half, replies);
	return error;
}

static void take_tag(struct item *item, const struct redis_value *reply)
{
	if (reply && redis_value_error(reply, NULL))
		item->tag_refusal = reply;
}

/* Without replacing anything. Parks. */
static enum error store_missing(
	struct window *w, struct half *half, struct redis_batch *batch, struct fault *fault)
{
	struct slice words[item_words + 1];

	for (size_t i = 0; i < half->count; i++) {
		struct item *item = &half->items[i];

		for (size_t at = item->command; at <= item->set && is_sent(item); at++) {
			size_t n = redis_batch_words(half->batch, at, words, item_words);

			if (at == item->set && w->mode == ENTRY_SET)
				words[n++] = SLICE("NX");
			redis_batch_add(batch, n, words);
		}
	}
	enum error error = run(w, half, batch, fault);
	for (size_t i = 0, at = 0; i < half->count; i++) {
		struct item *item = &half->items[i];

		if (!is_sent(item))
			continue;
		for (size_t c = item->command; c < item->set; c++, at++)
			take_tag(item, redis_batch_reply(batch, at));
		item->reply = redis_batch_reply(batch, at++);
	}
	return error;
}

static size_t words_of(const struct half *half)
{
	size_t most = 0;

	for (size_t i = 0; i < half->count; i++)
		most += 1 + (half->items[i].set - half->items[i].command + 1) * (1 + item_words);
	return most;
}

enum error window_retry(
	struct window *w, struct half *half, struct redis_batch **ret, struct fault *fault)
{
	struct recent_writes_store store = {.keys = mem_array(half->count, sizeof *store.keys),
		.words = mem_array(words_of(half), sizeof *store.words)};
	struct redis_batch *batch = redis_batch_new();
	struct name_set later = {0};
	enum error error = ERR_CONFLICT;

	later_keys(w, half, &later);
	for (int i = 0; error == ERR_CONFLICT; i++) {
		redis_batch_clear(batch);
		error = recent_writes_reader_read(&w->writes, fault);
		w->writes.lost = w->writes.lost || i == judge_tries;
		mark(w, half, &later);
		if (!error)
			error = w->writes.lost ? store_missing(w, half, batch, fault)
					       : store_judged(w, half, &store, batch, fault);
	}
	/* If nothing was sent, the batch must still have a question without a reply. */
	if (redis_batch_count(batch) == 0)
		inval_tail_add_read(&w->tail, batch, &half->question);
	name_set_release(&later);
	mem_free(store.keys);
	mem_free(store.words);
	*ret = batch;
	return error;
}
