/* SPDX-License-Identifier: MIT */
/*
 * The window: entries on their way to Redis, never more of them unanswered than the job's `window`.
 *
 *	add, add, ... -> batch full -> guard, MULTI, ZADD tags, SET, SET ..., EXEC, log?  -> Redis
 *	              replies of the batch before -> counts, rejected rows, stale keys removed
 *
 * Two batches are in flight at a time: one is filled while the other one is answered. A job with
 * `pace` has one, whose size and the pauses after it follow the latency of the slowest
 * server that it stores to (redis/pacer.h).
 *
 * No stale store: each SET carries its whole TTL at once, because a provisional TTL would double
 * the commands. The read of the invalidation log is in the same batch after the SETs. So an
 * invalidation is either logged before the read, and its keys are removed here; or it is logged
 * after the read, and then it removes what the SETs have stored.
 *
 * No older row over a newer write: the guard (warm/recent_writes_reader.h) keeps a batch from being
 * stored if keys were written by others that this window does not know yet. The batch is then
 * stored again without these keys. Their rows count as skipped.
 *
 * Over slots neither is possible in one batch: a batch is stored step by step, one batch at a time
 * (warm/window_steps.c).
 *
 * If a loader of the configuration remembers absent values (absent_for) under keys that the job may
 * store, each batch ends with an UNLINK of these notes for its keys.
 *
 * In mode swap, and with refresh_below, entries are gathered before they come into a batch: their
 * keys are marked, or their TTLs are asked for, all at once (warm/window_group.c).
 *
 * Without memory Redis refuses entries: they are stored again, every quarter of a second, until it
 * has memory or the deadline has passed. Over slots that concerns the entries of the primary that
 * has none: the others of the batch are stored.
 *
 * A batch that was sent is always followed to its end, in a cleanup section, so that cancelling a
 * run loses no count and leaves no stale key.
 */
#ifndef CW_WARM_WINDOW_H
#define CW_WARM_WINDOW_H

#include "cache/entry.h"
#include "warm/key_sample.h"
#include "warm/run_result.h"
#include "warm/swap.h"
#include "warm/undo.h"

struct window;

struct window_entry {
	struct slice key, value;
	int64_t ttl_ms;
	const struct slice *tags;
	size_t tag_count; /* at most ROW_MAX_TAGS */
	uint64_t row;	  /* its number, for errors */
};

/* All are borrowed until window_close(). */
struct window_spec {
	struct cache *cache;
	const struct conf_job *job;
	struct run_counts *counts; /* what becomes of the entries */
	struct undo *undo;	   /* for keys that cannot be removed while Redis is away */
	const struct swap *swap;   /* of mode swap; else NULL */
	struct key_sample *sample; /* gets stored keys; may be NULL */
	int64_t deadline;	   /* until then it waits for Redis to have memory */
};

/* Notes the ends of the invalidation log and the list of writes. *ret is set in any case. Parks. */
enum error window_open(const struct window_spec *spec, struct window **ret, struct fault *fault);
/* After window_flush(), or after window_open() failed. May be NULL. Parks, though cancelled. */
void window_close(struct window *window);

/*
 * Copies the entry into the batch, and sends the batch when it is full. An error ends the attempt:
 * Redis's (out of memory, unavailable, ...), ERR_CANCELLED, or ERR_INCOMPLETE: the invalidation log
 * was lost, so that nothing is known about what is stale; a new attempt helps. Parks.
 */
enum error window_add(struct window *window, const struct window_entry *entry, struct fault *fault);
/*
 * Sends a batch that is not full; waits for the batch before it, not for this one. Called again, it
 * waits for this one. Parks.
 */
enum error window_send(struct window *window, struct fault *fault);
/* Sends and waits until everything is answered; also after an error or a cancel. Parks. */
enum error window_flush(struct window *window, struct fault *fault);
/* Whether it waits until Redis has memory again. */
bool window_starves(const struct window *window);
/* From now on it does not; for another fiber than the one that waits. */
void window_wait_no_more(struct window *window);
/*
 * When the oldest entry that is not sent was added, or where all are sent, one whose reply was not
 * taken; in the loop's milliseconds; -1 = none.
 */
int64_t window_waiting_since(const struct window *window);

#endif
