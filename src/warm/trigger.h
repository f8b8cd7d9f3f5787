/* SPDX-License-Identifier: MIT */
/*
 * Runs that follow something: an invalidation (`on: {invalidated: PATTERN}`, or `rewarm` of a
 * request), or a run of another job (`after`).
 *
 *	trigger, trigger, ... -> one queued operation -> quiet for TRIGGER_QUIET_MS -> lock -> run
 *
 * Triggers join the operation that waits, so that a storm of purges starts one run. It waits until
 * no trigger has come for TRIGGER_QUIET_MS and no invalidation is under way, but at most
 * TRIGGER_MAX_MS after its first trigger, and begins no earlier than TRIGGER_GAP_MS after the run
 * before it that was triggered. Then it waits for a run of the job that is under way, on this or
 * another daemon: that one may have read its source before the invalidation.
 *
 * Special: an operation is joined until it has the job's lock. Its run opens its source, and notes
 * the end of the invalidation log, after that. So what was invalidated before a trigger is read
 * from the source again, and what is invalidated later is a trigger of the next run.
 */
#ifndef CW_WARM_TRIGGER_H
#define CW_WARM_TRIGGER_H

#include "cache/key_watch.h"
#include "operation/pause.h"
#include "warm/run.h"

enum { TRIGGER_QUIET_MS = 500, TRIGGER_MAX_MS = 30000, TRIGGER_GAP_MS = 10000 };

struct triggers;

/* All are borrowed. The watches of invalidated keys are in cache->watches. */
struct triggers *triggers_new(
	struct run_world *world, struct operations *operations, const struct pauses *pauses);
/* Operations have ended. May be NULL. */
void triggers_free(struct triggers *triggers);
/* Watches the patterns of the jobs of `conf`, which is in force from now on. */
void triggers_configure(struct triggers *triggers, const struct conf *conf);

struct trigger_ask {
	struct slice job;
	const char *by, *note; /* copied */
	bool at_once;	       /* without waiting for quiet */
};
/*
 * Begins an operation, or joins the one that waits; `ret_id` (may be NULL) gets its id.
 * ERR_UNKNOWN_JOB, ERR_PAUSED, ERR_STOPPING.
 */
enum error triggers_fire(struct triggers *triggers, const struct trigger_ask *ask,
	char ret_id[OPERATION_ID_BYTES + 1], struct fault *fault);
/* A run of `job` has completed: starts the jobs that come after it. */
void triggers_after(struct triggers *triggers, const struct job *job);
/*
 * Redis has lost keys: a job with `on: redis_flushed` whose run is under way runs again after it,
 * because what the run has stored may be lost. The scheduler starts the others.
 */
void triggers_flushed(struct triggers *triggers);

#endif
