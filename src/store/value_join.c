/* SPDX-License-Identifier: MIT */
/*
 * Joining replies; see value_join.h. No string is copied: the blocks of a part are chained behind
 * the first one of the whole, which holds its root and items.
 */
#include "store/value_join.h"

#include "base/mem.h"
#include "redis/value_block.h"

static struct redis_value *new_root(enum redis_type type, size_t items)
{
	size_t bytes = sizeof(struct redis_value) + items * sizeof(struct redis_value *);
	struct value_block *block = mem_zalloc(sizeof *block + bytes);
	struct redis_value *root = (void *)block->data;

	block->used = block->bytes = bytes;
	root->type = type;
	root->count = items;
	root->items = items ? (void *)(root + 1) : NULL;
	return root;
}

static struct value_block *block_of(struct redis_value *root)
{
	return (void *)((char *)root - offsetof(struct value_block, data));
}

static void chain(struct redis_value *whole, struct redis_value *part)
{
	struct value_block *first = block_of(part), *last = first;

	while (last->next)
		last = last->next;
	last->next = block_of(whole)->next;
	block_of(whole)->next = first;
}

static enum error refuse(struct redis_value *part, struct fault *fault)
{
	redis_value_free(part);
	return fault_set(fault, ERR_REDIS_PROTOCOL,
		"Redis answered a part of a command with something other than its result");
}

enum error value_join(struct redis_value **whole, struct redis_value *part, const uint32_t *keys,
	size_t count, size_t all, struct fault *fault)
{
	enum redis_type type = part->type;

	if (*whole && (*whole)->type == REDIS_ERROR) {
		redis_value_free(part);
		return OK;
	}
	if (type == REDIS_ERROR) {
		redis_value_free(*whole);
		*whole = part;
		return OK;
	}
	if (type != REDIS_INTEGER && (type != REDIS_ARRAY || part->count != count))
		return refuse(part, fault);
	if (!*whole)
		*whole = new_root(type, type == REDIS_ARRAY ? all : 0);
	if ((*whole)->type != type)
		return refuse(part, fault);
	for (size_t i = 0; i < part->count; i++)
		(*whole)->items[keys[i] - 1] = part->items[i];
	(*whole)->integer += part->integer;
	if (type == REDIS_ARRAY)
		chain(*whole, part);
	else
		redis_value_free(part);
	return OK;
}
