/* SPDX-License-Identifier: MIT */
/*
 * The window: entries on their way to Redis, and never more of them unanswered than the job says.
 *
 *	add, add, ... -> batch full -> guard, MULTI, ZADD tags, SET, SET ..., EXEC, log?  -> Redis
 *	                 the other batch is answered <-  counts, rejected rows, stale ones removed
 *
 * Two batches are on their way at a time: one is filled while the other is worked off. No stale
 * store: each SET carries its whole TTL at once, for a provisional one would double the commands.
 * The question what the invalidation log says travels in the same batch behind the SETs, so an
 * invalidation is either logged before the question, and then the answer names it and we remove the
 * key ourselves, or logged after it, and then its own deletion comes after our SET.
 *
 * No older row over what was written meanwhile: the guard (warm/written.h) keeps a batch from being
 * stored where a key was written that this window has not heard of; it is stored again without
 * those. Such rows are skipped.
 *
 * Where a loader of the configuration remembers that there is nothing (absent_for) under keys that
 *may be the job's, each batch ends with an UNLINK of what is remembered of its keys.
 *
 * A batch that has left is always heard to its end, in a cleanup section, so that cancelling a run
 * loses no count and leaves no unasked key behind.
 */
#ifndef CW_WARM_WINDOW_H
#define CW_WARM_WINDOW_H

#include "cache/entry.h"
#include "warm/tally.h"
#include "warm/undo.h"

struct window;

struct window_entry {
	struct slice key, value;
	int64_t ttl_ms;
	const struct slice *tags;
	size_t tag_count; /* at most ROW_MAX_TAGS */
	uint64_t row;
};

/* All are borrowed. */
struct window_spec {
	struct cache *cache;
	const struct conf_job *job;
	struct tally *tally; /* what becomes of the entries */
	struct undo *undo;   /* for what cannot be removed while Redis is away */
};

/* The log is noted from now on. Parks. */
enum error window_open(const struct window_spec *spec, struct window **ret, struct fault *fault);
/* Everything was flushed, or there was an error. NULL is welcome. */
void window_close(struct window *window);

/*
 * Copies the entry into the batch; sends it once it is full. An error ends the attempt: of Redis
 * (out of memory, unreachable, ...), ERR_CANCELLED, or ERR_INCOMPLETE: the invalidation log was
 * lost, and with it the knowledge of what is stale; beginning anew mends that. Parks.
 */
enum error window_add(struct window *window, const struct window_entry *entry, struct fault *fault);
/* Sends what waits, without waiting for its answer. Parks for an earlier batch. */
enum error window_send(struct window *window, struct fault *fault);
/* Until everything is sent and answered; also after an error. Parks, though cancelled. */
enum error window_flush(struct window *window, struct fault *fault);
/* Since when the oldest entry waits to be sent, in the loop's milliseconds; -1 = none waits. */
int64_t window_waiting_since(const struct window *window);

#endif
