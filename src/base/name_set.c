/* SPDX-License-Identifier: MIT */
/* An open-addressed table that doubles; see name_set.h. */
#include "base/name_set.h"

#include "base/fnv.h"
#include "base/mem.h"

enum { size_first = 256 };

/* Never 0. */
static uint64_t hash_of(struct slice name)
{
	uint64_t h = fnv_add64(FNV_BEGIN64, name);

	h ^= h >> 32;
	return h ? h : 1;
}

/* The place of the name, or the free one where it belongs. */
static size_t place(const struct name_set *set, uint64_t hash, struct slice name)
{
	size_t i = (size_t)hash & (set->size - 1);

	while (set->hashes[i] &&
		(set->hashes[i] != hash || (set->borrows && !slice_equal(set->names[i], name))))
		i = (i + 1) & (set->size - 1);
	return i;
}

static void put(struct name_set *set, size_t i, uint64_t hash, struct slice name)
{
	set->hashes[i] = hash;
	if (set->borrows)
		set->names[i] = name;
}

static void grow(struct name_set *set)
{
	struct name_set old = *set;

	set->size = old.size ? 2 * old.size : size_first;
	set->hashes = mem_array(set->size, sizeof *set->hashes);
	set->names = set->borrows ? mem_array(set->size, sizeof *set->names) : NULL;
	for (size_t i = 0; i < old.size; i++) {
		struct slice name = set->borrows ? old.names[i] : slice_of("", 0);

		if (old.hashes[i])
			put(set, place(set, old.hashes[i], name), old.hashes[i], name);
	}
	name_set_release(&old);
}

void name_set_release(struct name_set *set)
{
	mem_free(set->hashes);
	mem_free(set->names);
	*set = (struct name_set){.borrows = set->borrows};
}

bool name_set_add(struct name_set *set, struct slice name)
{
	bool full = !set->borrows && set->count == NAME_SET_MAX;
	uint64_t hash = hash_of(name);

	if (!full && 2 * (set->count + 1) > set->size)
		grow(set);
	size_t i = place(set, hash, name);
	if (set->hashes[i])
		return false;
	if (full)
		return true;
	put(set, i, hash, name);
	set->count++;
	return true;
}

bool name_set_has(const struct name_set *set, struct slice name)
{
	return set->size && set->hashes[place(set, hash_of(name), name)];
}
