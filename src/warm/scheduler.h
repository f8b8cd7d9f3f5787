/* SPDX-License-Identifier: MIT */
/*
 * When jobs run by themselves: their schedules, the start, a flushed Redis.
 *
 *	clock -> due -> receipt cw:fire:<job>:<time> -> start -> (running already: skipped)
 *
 * One fiber looks at the wall clock whenever something is due, at least every 30 s, and as soon as
 * the clock is set. Each fire then has a fiber of its own, which goes on trying while Redis is
 * away, for as long as its schedule allows.
 */
#ifndef CW_WARM_SCHEDULER_H
#define CW_WARM_SCHEDULER_H

#include "warm/job.h"
#include "warm/warm.h"

struct scheduler;

/* All but `warm` are what `warm` hangs from. It begins to fire at once. */
struct scheduler *scheduler_new(
	struct warm *warm, struct cache *cache, struct log *log, struct jobs *jobs);
/* Ends its fibers. Parks. */
void scheduler_stop(struct scheduler *scheduler);
/* After scheduler_stop(); the loop has then some handles to close. */
void scheduler_free(struct scheduler *scheduler);

/* Schedules for all jobs of a configuration. */
struct schedules {
	struct schedule **items; /* as conf->jobs; NULL = none */
	size_t count;
};
/* ERR_BAD_CONFIG: the first fault. Release them, or give them to scheduler_adopt(). */
enum error schedules_load(const struct conf *conf, struct schedules *ret, struct fault *fault);
void schedules_release(struct schedules *schedules);
/* Puts them in force: `conf` is what they were loaded from, the jobs know it already. */
void scheduler_adopt(
	struct scheduler *scheduler, const struct conf *conf, struct schedules *schedules);

enum scheduler_event { SCHEDULER_STARTUP, SCHEDULER_FLUSHED };
/* Fires the jobs that wait for it. */
void scheduler_fire_on(struct scheduler *scheduler, enum scheduler_event event);

#endif
