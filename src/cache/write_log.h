/* SPDX-License-Identifier: MIT */
/*
 * What is written while a warm run is under way, so that no run leaves an older row over it.
 *
 *	cw:wrote   LIST: an epoch, then the keys in the order of their writes; only while a run is
 *	           under way (PX 60 s, renewed with the lock of each run)
 *
 *	a write:   RPUSHX cw:wrote <key>, then its SET		nothing happens where there is no
 *list a run:     begins or joins the list, notes its length; for each batch of entries: WATCH
 *cw:wrote, EVAL guard, MULTI, ZADD..., SET..., EXEC the guard changes the list and back where it is
 *longer than noted, so that EXEC does nothing; then one script stores the batch without what the
 *list names
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
