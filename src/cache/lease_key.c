/* SPDX-License-Identifier: MIT */
/* The names of a key's lease and of its failed load, for leases and for writes that end them. */
#include "cache/lease.h"

void lease_key(const struct cw *cw, struct slice key, struct buf *out)
{
	cw_own_key(cw, "lease:{0}:", key, out);
}

void lease_failed_key(const struct cw *cw, struct slice key, struct buf *out)
{
	cw_own_key(cw, "failed:{0}:", key, out);
}
