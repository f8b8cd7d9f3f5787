/* SPDX-License-Identifier: MIT */
/* What writers add to the lists of written keys; see recent_writes.h. */
#include "cache/recent_writes.h"

#include "base/mem.h"
#include "store/slot.h"

enum { slots_per_list = SLOT_COUNT / RECENT_WRITES_LISTS };

size_t recent_writes_lists(const struct cache *cache)
{
	return store_is_one(cache->store) ? 1 : RECENT_WRITES_LISTS;
}

void recent_writes_key(const struct cache *cache, size_t i, struct buf *out)
{
	unsigned middle = (unsigned)i * slots_per_list + slots_per_list / 2;

	cache_own_key(cache, "wrote", slice_of(NULL, 0), out);
	if (!store_is_one(cache->store))
		buf_printf(out, ":{%u}", slot_number(middle));
}

static size_t list_of(const struct cache *cache, struct slice key)
{
	return store_is_one(cache->store) ? 0 : slot_of(key) / slots_per_list;
}

void recent_writes_add(const struct cache *cache, struct redis_batch *batch,
	const struct slice *keys, size_t count)
{
	struct slice *argv = mem_array(2 + count, sizeof *argv);
	struct buf list = {0};

	argv[0] = SLICE("RPUSHX");
	for (size_t i = 0; i < recent_writes_lists(cache); i++) {
		size_t argc = 2;

		for (size_t j = 0; j < count; j++)
			if (list_of(cache, keys[j]) == i)
				argv[argc++] = keys[j];
		if (argc == 2)
			continue;
		buf_clear(&list);
		recent_writes_key(cache, i, &list);
		argv[1] = buf_slice(&list);
		redis_batch_add(batch, argc, argv);
	}
	buf_release(&list);
	mem_free(argv);
}
