/* SPDX-License-Identifier: MIT */
/* A list of watched patterns; see key_watch.h. */
#include "cache/key_watch.h"

#include "base/mem.h"

void key_watches_add(struct key_watches *watches, struct slice glob, void *owner)
{
	watches->items = mem_realloc(watches->items, (watches->count + 1) * sizeof *watches->items);
	struct key_watch *watch = &watches->items[watches->count++];

	*watch = (struct key_watch){.owner = owner};
	pattern_init(&watch->pattern, glob);
	watches->unseen++;
}

void key_watches_release(struct key_watches *watches)
{
	mem_free(watches->items);
	watches->items = NULL;
	watches->count = watches->unseen = 0;
}

void key_watches_see(struct key_watches *watches, struct slice name)
{
	if (!watches || !watches->unseen)
		return;
	for (size_t i = 0; i < watches->count; i++) {
		struct key_watch *watch = &watches->items[i];

		if (watch->seen || !pattern_match(&watch->pattern, name))
			continue;
		watch->seen = true;
		watches->unseen--;
		watches->on_seen(watches->context, watch);
	}
}

bool key_watches_reset(struct key_watches *watches, const void *owner)
{
	bool seen = false;

	for (size_t i = 0; i < watches->count; i++) {
		struct key_watch *watch = &watches->items[i];

		if (watch->owner != owner || !watch->seen)
			continue;
		seen = true;
		watch->seen = false;
		watches->unseen++;
	}
	return seen;
}
