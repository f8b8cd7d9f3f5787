/* SPDX-License-Identifier: MIT */
/*
 * What is written while a warm run is under way, so that no run leaves an older row over it.
 *
 *	cw:wrote   LIST: an epoch, then the keys in the order of their writes; only while a run is
 *	           under way (PX 60 s, renewed with the lock of each run)
 *	cw:wrote:{t}   over slots: a list for each sixteenth of them, in its middle, so that a
 *	           write hardly ever needs another server than that of its key
 *
 *	a write:   RPUSHX cw:wrote <key>, then its SET; RPUSHX does nothing without a list
 *	a run:     creates or joins the list, notes its length; for each batch of entries:
 *	           WATCH cw:wrote, EVAL guard, MULTI, ZADD..., SET..., EXEC
 *	           if the list is longer than noted, the guard modifies it, so that EXEC does
 *	           nothing; then a script stores the entries that the list does not name
 *
 * So a row is stored only while its key has not been written since the run's attempt began, judged
 * in the moment of storing. Over slots that is not possible:
 *
 *	a write:   RPUSHX, acknowledged; then its SET
 *	a run:     SETs, acknowledged; then reads the lists, and removes what it has stored under
 *	           a key that they name, unless another value is there already
 *
 * What a run replaced was noted before that, so the run finds the note. Where the list is lost
 * (flushed, evicted, too long) nothing is known of what was written, and the attempt goes on as
 * `mode: missing` does: it replaces nothing.
 */
#ifndef CW_CACHE_RECENT_WRITES_H
#define CW_CACHE_RECENT_WRITES_H

#include "cache/cache.h"

enum {
	RECENT_WRITES_TTL_MS = 60000,
	/* A longer list is given up: the lock's keeper looks every few seconds. */
	RECENT_WRITES_MAX = 200000,
	RECENT_WRITES_LISTS = 16, /* at most */
};

/* How many lists there are: 1, or RECENT_WRITES_LISTS over slots. */
size_t recent_writes_lists(const struct cache *cache);
/* Appends the name of list i. */
void recent_writes_key(const struct cache *cache, size_t i, struct buf *out);
/*
 * For writes: adds the note that these keys are written: before their SETs in the same batch, over
 * slots in a batch before that. Of one key it is one command.
 */
void recent_writes_add(const struct cache *cache, struct redis_batch *batch,
	const struct slice *keys, size_t count);

#endif
