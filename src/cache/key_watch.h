/* SPDX-License-Identifier: MIT */
/*
 * Patterns of keys of which somebody wants to know that they are invalidated.
 *
 *	names that are removed or softened -> key_watches_see() -> a watch's first match
 *	-> on_seen()
 *
 * A watch that has seen a match is not compared again until key_watches_reset(), so that a pass
 * over a million keys costs each watch little.
 */
#ifndef CW_CACHE_KEY_WATCH_H
#define CW_CACHE_KEY_WATCH_H

#include "cache/pattern.h"

struct key_watch {
	struct pattern pattern; /* its text is borrowed */
	void *owner;		/* the caller's */
	bool seen;
};

struct key_watches {
	struct key_watch *items;
	size_t count, unseen;
	/* It may not park, nor change the list. */
	void (*on_seen)(void *context, const struct key_watch *watch);
	void *context;
};

/* A zeroed list is empty. */
void key_watches_add(struct key_watches *watches, struct slice glob, void *owner);
void key_watches_release(struct key_watches *watches);
/* A name is invalidated. `watches` may be NULL. */
void key_watches_see(struct key_watches *watches, struct slice name);
/* Lets the owner's watches see again; true if one of them had seen a match. */
bool key_watches_reset(struct key_watches *watches, const void *owner);

#endif
