/* SPDX-License-Identifier: MIT */
/*
 * The times of a job's schedule, and which of them are due when the clock is set or the process was
 * suspended.
 *
 * A scheduled run has a nominal time, the same on all daemons. It starts 0 to `jitter` later; the
 * delay depends on the job's name and the nominal time only, so that all daemons agree. Of several
 * overdue times only the newest is run.
 *
 * When the wall clock is set:
 *
 *	by more than 3 hours    the schedule starts again from the new time
 *	forward, less than that what was missed runs once
 *	backward, less          a fixed time (a cron line with plain minute and hour) does not come
 *	                        twice; other schedules follow the new time, and the receipts in
 *	                        Redis (warm/lock.h) keep recent times from running again
 *
 * Times are milliseconds; `wall` is Unix time.
 */
#ifndef CW_WARM_SCHEDULE_H
#define CW_WARM_SCHEDULE_H

#include "conf/conf.h"

struct schedule;

enum { SCHEDULE_REBASE_MS = 3 * 3600 * 1000 };

/* OK and *ret = NULL if the job has no schedule; ERR_BAD_CONFIG names the job and the key. */
enum error schedule_new(const struct conf_job *job, struct schedule **ret, struct fault *fault);
void schedule_free(struct schedule *schedule); /* may be NULL */
/* Whether both have the same times. Either may be NULL. */
bool schedule_equal(const struct schedule *a, const struct schedule *b);

/* The next nominal time after `after_wall_ms`; -1 = there is none. */
int64_t schedule_next(const struct schedule *schedule, int64_t after_wall_ms);
/* When the run of a nominal time starts: 0 to jitter later. */
int64_t schedule_start_time(const struct schedule *schedule, int64_t nominal_wall_ms);
/* When the first run that starts at `from_wall_ms` or later starts; -1 = there is none. */
int64_t schedule_start_from(const struct schedule *schedule, int64_t from_wall_ms);
/*
 * For how long starting a run is retried: starting_deadline, counted from its start time; without
 * one 60 s from the first try, or until the next nominal time if that is sooner.
 */
int64_t schedule_patience_ms(const struct schedule *schedule, int64_t nominal_wall_ms);
bool schedule_has_deadline(const struct schedule *schedule);
/* How long the receipt of a run must live so that no other daemon repeats the run. */
int64_t schedule_receipt_ms(const struct schedule *schedule, int64_t nominal_wall_ms);
/* Appends "0 3 * * *", followed by the time zone unless that is UTC, or "every 25m". */
void schedule_text(const struct conf_schedule *conf, struct buf *out);

enum schedule_verdict { SCHEDULE_LATER, SCHEDULE_DUE, SCHEDULE_MISSED };

/*
 * Compares *next_wall_ms, the job's next nominal time (-1 = none), with the clock, which was set by
 * `jump_ms` since the last call. SCHEDULE_DUE and SCHEDULE_MISSED (past starting_deadline, or 3
 * hours late): *ret_nominal_wall_ms is the time of the run, and *next_wall_ms the one after it.
 */
enum schedule_verdict schedule_look(const struct schedule *schedule, int64_t *next_wall_ms,
	int64_t now_wall_ms, int64_t jump_ms, int64_t *ret_nominal_wall_ms);

/* The schedules of all jobs of a configuration. */
struct schedules {
	struct schedule **items; /* in the order of conf->jobs; NULL = the job has none */
	size_t count;
};
/* ERR_BAD_CONFIG: the first fault, and nothing to release. */
enum error schedules_load(const struct conf *conf, struct schedules *ret, struct fault *fault);
void schedules_release(struct schedules *schedules);

#endif
