/* SPDX-License-Identifier: MIT */
/*
 * Starts jobs by their schedules, at the daemon's start, and after Redis was flushed.
 *
 *	clock -> schedule_look() -> receipt cw:fire:<job>:<time> -> warm_start()
 *	         startup, flushed -------------------------------^   (already running: skipped)
 *
 * One fiber ("warm clock") looks at the wall clock when a run is due, at least every 30 s, and when
 * the clock is set. Each run is started by a fiber of its own ("scheduled run"), which retries
 * while Redis is away, for as long as the schedule allows; a start at startup or after a flush, 60
 * s.
 */
#ifndef CW_WARM_SCHEDULER_H
#define CW_WARM_SCHEDULER_H

#include "warm/job.h"
#include "warm/warm.h"

struct scheduler;

/* All are borrowed. It begins to work at once. */
struct scheduler *scheduler_new(
	struct warm *warm, struct cache *cache, struct log *log, struct jobs *jobs);
/* Ends its fibers. Parks. */
void scheduler_stop(struct scheduler *scheduler);
/* After scheduler_stop(). May be NULL. Its handles are closed by a later turn of the loop. */
void scheduler_free(struct scheduler *scheduler);

/*
 * Puts `schedules`, which are of `conf`, in force, and takes them over. `conf` was given to
 * jobs_configure() before.
 */
void scheduler_adopt(
	struct scheduler *scheduler, const struct conf *conf, struct schedules *schedules);

enum scheduler_event { SCHEDULER_STARTUP, SCHEDULER_FLUSHED };
/* Starts the jobs that are configured to run on the event. */
void scheduler_run_on(struct scheduler *scheduler, enum scheduler_event event);

#endif
