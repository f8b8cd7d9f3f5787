/* SPDX-License-Identifier: MIT */
/*
 * An arena: memory that is freed all at once. The owner of many texts keeps them in one and hands
 * out slices.
 */
#ifndef CW_BASE_ARENA_H
#define CW_BASE_ARENA_H

#include "base/buf.h"

/* Zeroed = empty. */
struct arena {
	struct arena_block *blocks;
};

void arena_release(struct arena *arena); /* empty and usable again */
/* `n` cleared bytes that live as long as the arena. */
void *arena_alloc(struct arena *arena, size_t n);
/* A copy that ends with a NUL. */
struct slice arena_slice(struct arena *arena, struct slice text);
char *arena_dup(struct arena *arena, struct slice text);
/* The bytes of `b` without a copy; `b` is empty afterwards. */
struct slice arena_take(struct arena *arena, struct buf *b);
/* The arena owns `p` from now on and ends it by `release`. */
void arena_own(struct arena *arena, void *p, void (*release)(void *p));

#endif
