/* SPDX-License-Identifier: MIT */
/*
 * What is written while a warm run is under way, so that no run leaves an older row over it.
 *
 *	cw:wrote   LIST: an epoch, then the keys in the order of their writes; only while a run is
 *	           under way (PX 60 s, renewed with the lock of each run)
 *
 *	a write:   RPUSHX cw:wrote <key>, then its SET; RPUSHX does nothing without a list
 *	a run:     creates or joins the list, notes its length; for each batch of entries:
 *	           WATCH cw:wrote, EVAL guard, MULTI, ZADD..., SET..., EXEC
 *	           if the list is longer than noted, the guard modifies it, so that EXEC does
 *	           nothing; then a script stores the entries that the list does not name
 *
 * So a row is stored only while its key has not been written since the run's attempt began, judged
 * in the moment of storing. Where the list is lost (flushed, evicted, too long) nothing is known of
 * what was written, and the attempt goes on as `mode: missing` does: it replaces nothing.
 */
#ifndef CW_CACHE_WRITE_LOG_H
#define CW_CACHE_WRITE_LOG_H

#include "cache/cache.h"

enum {
	WROTE_TTL_MS = 60000,
	/* A longer list is given up: the lock's keeper looks every few seconds. */
	WROTE_MOST = 200000,
};

/* Appends the list's name. */
void write_log_key(const struct cache *cache, struct buf *out);
/* For writes: adds the note that these keys are written, before their SETs in the same batch. */
void write_log_note(const struct cache *cache, struct redis_batch *batch, const struct slice *keys,
	size_t count);

#endif
