/* SPDX-License-Identifier: MIT */
/*
 * Whether OBJECT counts as a lookup in a server's figures: since Redis 7, and not before. Its reply
 * does not tell, so a sender of OBJECT finds it out first and subtracts its own lookups.
 */
#ifndef CW_CACHE_OBJECT_LOOKUPS_H
#define CW_CACHE_OBJECT_LOOKUPS_H

#include "cache/cache.h"

/* While it is not known, OBJECT is not sent: its lookups would be taken for the applications'. */
enum object_lookups { OBJECT_UNKNOWN, OBJECT_FREE, OBJECT_COUNTS };

/*
 * Finds it out for a server, by the counters around one OBJECT for `key`, whether it is there or
 * not. OBJECT_UNKNOWN if the server refuses to tell. Parks.
 */
enum object_lookups object_lookups_test(
	struct cache *cache, struct redis_node *node, struct slice key);
/* Subtracts the lookup that the server has counted for this reply to OBJECT (NULL = none). */
void object_lookups_take(
	struct redis_node *node, enum object_lookups object, const struct redis_value *reply);

#endif
