/* SPDX-License-Identifier: MIT */
/*
 * The order in which everything that invalidates deletes: first the log, then the keys.
 *
 *	cw:inval (acknowledged) -> deletion
 *
 * A load that began earlier sees in the log that its value is stale; one that begins later finds
 * nothing stored. If Redis has no memory for the log, the deletion comes first and frees memory;
 * then the log, and the deletion again for values that an older load stored in between. What could
 * not be logged at all is remembered in the process (cache/unlogged.h).
 */
#ifndef CW_CACHE_LOGGED_DELETE_H
#define CW_CACHE_LOGGED_DELETE_H

#include "cache/inval_log.h"

/* Deletes what the entry names; called once or twice. An error ends the deletion. May park. */
typedef enum error logged_delete_function(void *context, struct fault *fault);

/*
 * *ret_logged is false where Redis had no memory for the log even after the deletion; the error is
 * OK then. Parks.
 */
enum error logged_delete(struct cache *cache, const struct inval_entry *entry,
	logged_delete_function *delete, void *context, bool *ret_logged, struct fault *fault);

#endif
