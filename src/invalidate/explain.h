/* SPDX-License-Identifier: MIT */
/* Everything known about one key, for GET /explain/{key}: what is stored, and what can invalidate
 * it. */
#ifndef CW_INVALIDATE_EXPLAIN_H
#define CW_INVALIDATE_EXPLAIN_H

#include "cache/cache.h"

/* How much is looked through; the answer tells what was. */
enum { EXPLAIN_MAX_TAGS = 10000, EXPLAIN_MAX_ENTRIES = 1000 };

/*
 * *ret is the route's body (docs/api.md), the caller's. The caller has checked the key, and
 * removes names that it may not show from `dependents`. Errors of Redis. Parks.
 */
enum error explain_key(struct cache *cache, const struct conf *conf, struct slice key, cJSON **ret,
	struct fault *fault);

#endif
