/* SPDX-License-Identifier: MIT */
/* An open-addressed table of hashes that doubles; see seen.h. */
#include "invalidate/seen.h"

#include "base/mem.h"
#include "invalidate/page_names.h"

enum { size_first = 256 };

void seen_release(struct seen *seen)
{
	mem_free(seen->slots);
	*seen = (struct seen){0};
}

/* The place of the hash, or the free one where it belongs. */
static uint64_t *place(uint64_t *slots, size_t size, uint64_t hash)
{
	size_t i = (size_t)hash & (size - 1);

	while (slots[i] && slots[i] != hash)
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static void grow(struct seen *seen)
{
	size_t size = seen->size ? 2 * seen->size : size_first;
	uint64_t *slots = mem_array(size, sizeof *slots);

	for (size_t i = 0; i < seen->size; i++)
		if (seen->slots[i])
			*place(slots, size, seen->slots[i]) = seen->slots[i];
	mem_free(seen->slots);
	seen->slots = slots;
	seen->size = size;
}

bool seen_add(struct seen *seen, struct slice name)
{
	uint64_t hash = page_names_hash(name);

	if (2 * (seen->count + 1) > seen->size && seen->count < SEEN_MOST)
		grow(seen);
	hash = hash ? hash : 1;
	uint64_t *at = place(seen->slots, seen->size, hash);
	if (*at)
		return false;
	if (seen->count == SEEN_MOST)
		return true;
	*at = hash;
	seen->count++;
	return true;
}

bool seen_has(const struct seen *seen, struct slice name)
{
	uint64_t hash = page_names_hash(name);

	hash = hash ? hash : 1;
	return seen->size && *place(seen->slots, seen->size, hash) == hash;
}
