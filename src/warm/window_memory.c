/* SPDX-License-Identifier: MIT */
/*
 * Entries that Redis had no memory for: they are stored again until it has, or the deadline has
 * passed. What else was in their batch is judged before the wait, because it is stored already.
 */
#include "warm/window_internal.h"

enum { memory_ms = 250 };

void window_begin_items(struct half *half)
{
	for (size_t i = 0; i < half->count; i++) {
		struct item *item = &half->items[i];

		item->reply = item->tag_refusal = NULL;
		item->fate = NOT_STORED;
		item->written = item->refused = item->starves = item->counted = false;
	}
}

bool window_item_starves(const struct window *w, struct item *item, const struct fault *why)
{
	item->starves = why->error == ERR_REDIS_OOM && !w->stopped.error &&
			clock_mono_ms() < w->deadline && !fiber_cancelled();
	return item->starves;
}

void window_note_starving(const struct window *w, struct half *half)
{
	struct fault why;

	for (size_t i = 0; i < half->count; i++) {
		struct item *item = &half->items[i];

		if (!item->written && !item->counted && item->reply &&
			redis_value_error(item->reply, &why))
			window_item_starves(w, item, &why);
	}
}

void window_wait_no_more(struct window *w)
{
	w->deadline = 0;
}

bool window_await_memory(struct window *w, struct half *half)
{
	bool starves = false;

	for (size_t i = 0; i < half->count && !starves; i++)
		starves = half->items[i].starves;
	w->starves = starves;
	if (!starves)
		return false;
	/* What is judged is of no concern any more: what invalidates it from now on removes it. */
	for (size_t i = 0; i < half->count; i++) {
		struct item *item = &half->items[i];

		item->counted = !item->starves;
		item->starves = false;
		item->fate = NOT_STORED;
	}
	fiber_sleep(memory_ms);
	return true;
}
