/* SPDX-License-Identifier: MIT */
/* The name of a key's lease, for leases and for writes that end them. */
#include "cache/lease.h"

void lease_key(const struct cw *cw, struct slice key, struct buf *out)
{
	cw_own_key(cw, "lease:{0}:", key, out);
}
