/* SPDX-License-Identifier: MIT */
/* A list of blocks, of own bytes or of something with a function that ends it; see arena.h. */
#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/mem.h"

struct arena_block {
	struct arena_block *next;
	void *p;
	void (*release)(void *p); /* NULL: nothing but the block */
	alignas(max_align_t) char bytes[];
};

static struct arena_block *add(struct arena *arena, size_t n)
{
	struct arena_block *block = mem_zalloc(sizeof *block + n);

	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void arena_own(struct arena *arena, void *p, void (*release)(void *p))
{
	struct arena_block *block = add(arena, 0);

	block->p = p;
	block->release = release;
}

void arena_release(struct arena *arena)
{
	for (struct arena_block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		if (block->release)
			block->release(block->p);
		mem_free(block);
	}
	arena->blocks = NULL;
}

void *arena_alloc(struct arena *arena, size_t n)
{
	return add(arena, n)->bytes;
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

struct slice arena_take(struct arena *arena, struct buf *b)
{
	struct slice ret;

	ret.p = buf_steal(b, &ret.n);
	arena_own(arena, (char *)ret.p, mem_free);
	return ret;
}
