/* SPDX-License-Identifier: MIT */
/* A list of blocks, each with the function that ends it; see arena.h. */
#include "conf/arena.h"

#include <string.h>

#include "base/mem.h"

struct block {
	struct block *next;
	void *p;
	void (*release)(void *p);
};

struct arena {
	struct block *blocks;
};

struct arena *arena_new(void)
{
	return mem_new(struct arena);
}

void arena_own(struct arena *arena, void *p, void (*release)(void *p))
{
	struct block *block = mem_new(struct block);

	block->p = p;
	block->release = release;
	block->next = arena->blocks;
	arena->blocks = block;
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	for (struct block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		block->release(block->p);
		mem_free(block);
	}
	mem_free(arena);
}

void *arena_alloc(struct arena *arena, size_t n)
{
	void *p = mem_zalloc(n);

	arena_own(arena, p, mem_free);
	return p;
}

char *arena_dup(struct arena *arena, struct slice text)
{
	char *copy = arena_alloc(arena, text.n + 1);

	if (text.n)
		memcpy(copy, text.p, text.n);
	return copy;
}

struct slice arena_slice(struct arena *arena, struct slice text)
{
	return slice_of(arena_dup(arena, text), text.n);
}
