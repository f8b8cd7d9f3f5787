/* SPDX-License-Identifier: MIT */
/*
 * The invalidations of this process that Redis had no memory to log: explain tells them as well.
 *
 *	logged_delete(): XADD refused -> unlogged_add() -> unlogged_before(), from newest to oldest
 *
 * They are kept in memory until the process ends, the newest UNLOGGED_MAX of them.
 */
#ifndef CW_CACHE_UNLOGGED_H
#define CW_CACHE_UNLOGGED_H

#include "base/name_list.h"
#include "cache/inval_log.h"

enum { UNLOGGED_MAX = 64, UNLOGGED_NAMES = 1000, UNLOGGED_NAME_BYTES = 64 * 1024 };

struct unlogged_entry {
	uint64_t number; /* from 1 on, in the order of time */
	int64_t wall_ms;
	char *operation_id, *by;	 /* as struct inval_entry */
	const char *mode;		 /* the same */
	struct name_list names;		 /* keys, then patterns, then tags */
	size_t key_count, pattern_count; /* of these */
	bool cut; /* it named more than UNLOGGED_NAMES or UNLOGGED_NAME_BYTES */
};

/* Copies the entry into the cache's list. */
void unlogged_add(struct cache *cache, const struct inval_entry *entry);
/* The newest one with a smaller number; NULL = none. Valid until the fiber parks. */
const struct unlogged_entry *unlogged_before(const struct cache *cache, uint64_t number);
/* When the newest was that is not wholly remembered any more, wall clock; -1 = none. */
int64_t unlogged_forgotten_wall_ms(const struct cache *cache);
void unlogged_free(struct unlogged *unlogged); /* may be NULL */

#endif
