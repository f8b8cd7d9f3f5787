/* SPDX-License-Identifier: MIT */
/* Invalidations that are not in the log: a ring of the newest; see unlogged.h. */
#include "cache/unlogged.h"

#include "base/clock.h"
#include "base/mem.h"

struct unlogged {
	struct unlogged_entry entries[UNLOGGED_MAX];
	uint64_t count; /* that were ever added */
	int64_t forgotten_wall_ms;
};

static void entry_release(struct unlogged_entry *entry)
{
	mem_free(entry->operation_id);
	mem_free(entry->by);
	name_list_release(&entry->names);
	*entry = (struct unlogged_entry){0};
}

/* Returns how many were taken. */
static size_t take(
	struct unlogged_entry *entry, const struct slice *names, size_t count, size_t *bytes)
{
	for (size_t i = 0; i < count; i++) {
		*bytes += names[i].n;
		entry->cut |= entry->names.count == UNLOGGED_NAMES || *bytes > UNLOGGED_NAME_BYTES;
		if (entry->cut)
			return i;
		name_list_add(&entry->names, names[i]);
	}
	return count;
}

void unlogged_add(struct cache *cache, const struct inval_entry *entry)
{
	size_t bytes = 0;

	if (!cache->unlogged) {
		cache->unlogged = mem_new(struct unlogged);
		cache->unlogged->forgotten_wall_ms = -1;
	}
	struct unlogged *unlogged = cache->unlogged;
	struct unlogged_entry *to = &unlogged->entries[unlogged->count++ % UNLOGGED_MAX];

	if (to->number)
		unlogged->forgotten_wall_ms = to->wall_ms;
	entry_release(to);
	to->number = unlogged->count;
	to->wall_ms = clock_wall_ms();
	to->operation_id = mem_strdup(entry->operation_id);
	to->by = entry->by ? mem_strdup(entry->by) : NULL;
	to->mode = entry->mode;
	to->key_count = take(to, entry->keys, entry->key_count, &bytes);
	to->pattern_count = take(to, entry->patterns, entry->pattern_count, &bytes);
	take(to, entry->tags, entry->tag_count, &bytes);
	if (to->cut)
		unlogged->forgotten_wall_ms = to->wall_ms;
}

const struct unlogged_entry *unlogged_before(const struct cache *cache, uint64_t number)
{
	const struct unlogged *unlogged = cache->unlogged;
	uint64_t count = unlogged ? unlogged->count : 0;
	uint64_t at = number > count ? count : number - 1;

	if (number == 0 || at == 0 || at + UNLOGGED_MAX <= count)
		return NULL;
	return &unlogged->entries[(at - 1) % UNLOGGED_MAX];
}

int64_t unlogged_forgotten_wall_ms(const struct cache *cache)
{
	return cache->unlogged ? cache->unlogged->forgotten_wall_ms : -1;
}

void unlogged_free(struct unlogged *unlogged)
{
	for (size_t i = 0; unlogged && i < UNLOGGED_MAX; i++)
		entry_release(&unlogged->entries[i]);
	mem_free(unlogged);
}
