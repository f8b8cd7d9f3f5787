/* SPDX-License-Identifier: MIT */
/* What writers add to the list of written keys; see write_log.h. */
#include "cache/write_log.h"

#include "base/mem.h"

void write_log_key(const struct cache *cache, struct buf *out)
{
	cache_own_key(cache, "wrote", slice_of(NULL, 0), out);
}

void write_log_note(const struct cache *cache, struct redis_batch *batch, const struct slice *keys,
	size_t count)
{
	struct slice *argv = mem_array(2 + count, sizeof *argv);
	struct buf list = {0};

	write_log_key(cache, &list);
	argv[0] = SLICE("RPUSHX");
	argv[1] = buf_slice(&list);
	for (size_t i = 0; i < count; i++)
		argv[2 + i] = keys[i];
	redis_batch_add(batch, 2 + count, argv);
	buf_release(&list);
	mem_free(argv);
}
