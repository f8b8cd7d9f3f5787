/* SPDX-License-Identifier: MIT */
/* Storing a value the way every part of cachewarden does: bytes under a key, with a TTL. */
#ifndef CW_CACHE_ENTRY_H
#define CW_CACHE_ENTRY_H

#include "cache/cw.h"

enum entry_mode { ENTRY_REPLACE, ENTRY_MISSING, ENTRY_REFRESH };

/* Adds one SET to the batch. ttl_ms > 0, or -1 = no expiry. The reply: OK stored, nil not (mode).
 */
size_t entry_store(struct redis_batch *batch, struct slice key, struct slice value, int64_t ttl_ms,
	enum entry_mode mode);

#endif
