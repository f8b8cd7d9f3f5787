/* SPDX-License-Identifier: MIT */
/* One SET; see entry.h. */
#include "cache/entry.h"

#include <assert.h>

size_t entry_store(struct redis_batch *batch, struct slice key, struct slice value, int64_t ttl_ms,
	enum entry_mode mode)
{
	struct slice argv[6] = {SLICE("SET"), key, value};
	struct buf ttl = {0};
	size_t argc = 3;

	assert(ttl_ms > 0 || ttl_ms == -1);
	if (ttl_ms > 0) {
		buf_int(&ttl, ttl_ms);
		argv[argc++] = SLICE("PX");
		argv[argc++] = buf_slice(&ttl);
	}
	if (mode == ENTRY_MISSING)
		argv[argc++] = SLICE("NX");
	else if (mode == ENTRY_REFRESH)
		argv[argc++] = SLICE("XX");
	size_t index = redis_batch_add(batch, argc, argv);
	buf_release(&ttl);
	return index;
}
