/* SPDX-License-Identifier: MIT */
/* All that is known of one key, for GET /explain/{key}: what is stored, and what would move it. */
#ifndef CW_INVALIDATE_EXPLAIN_H
#define CW_INVALIDATE_EXPLAIN_H

#include "cache/cache.h"

/* How much is looked through; the answer tells what was. */
enum { EXPLAIN_MAX_TAGS = 10000, EXPLAIN_MAX_ENTRIES = 1000 };

/*
 * *ret is the route's body (docs/api.md), the caller's. The caller has judged the key; names that
 * he may not see are his to take out of `dependents`. Errors of Redis. Parks.
 */
enum error explain_key(struct cache *cache, const struct conf *conf, struct slice key, cJSON **ret,
	struct fault *fault);

#endif
