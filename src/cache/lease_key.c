/* SPDX-License-Identifier: MIT */
/* The names of a key's lease and of its failed load, for leases and for writes that end them. */
#include "cache/lease.h"

void lease_key(const struct cache *cache, struct slice key, struct buf *out)
{
	cache_own_key(cache, "lease:{0}:", key, out);
}

void lease_failed_key(const struct cache *cache, struct slice key, struct buf *out)
{
	cache_own_key(cache, "failed:{0}:", key, out);
}
