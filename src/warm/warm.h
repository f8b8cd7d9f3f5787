/* SPDX-License-Identifier: MIT */
/*
 * Warming: jobs that fill the cache from a source, by a schedule, on events, or on request.
 *
 *	scheduler (due), event (startup, flushed) or caller -> lock cw:run:<job> -> run -> verdict
 *
 * A run is an operation. Over all daemons one run of a job works at a time (the lock), and each
 * scheduled run happens once (the receipt cw:fire:<job>:<time>).
 */
#ifndef CW_WARM_WARM_H
#define CW_WARM_WARM_H

#include "engine/engine.h"
#include "operation/operation.h"
#include "source/source.h"
#include "warm/job.h"

struct warm;

/* All are borrowed. */
struct warm *warm_new(struct engine *engine, struct log *log, struct sources *sources);
/* Stops the scheduler and the undo list; runs are stopped with the operations. Parks. */
void warm_stop(struct warm *warm);
void warm_free(struct warm *warm); /* may be NULL */

/* For a reload (struct reload_member): prepare parses the schedules, commit cannot fail. */
enum error warm_prepare(struct warm *warm, struct conf *next, struct fault *fault);
void warm_commit(struct warm *warm, struct conf *next);
/* When Redis is usable for the first time: starts the jobs with `on: startup`. */
void warm_startup(struct warm *warm);

/* A run that was started or joined; warm_started_release(). */
struct warm_started {
	char operation_id[40];
	char *job;
	enum operation_state state;
	bool already_running;
	struct operation *operation; /* a reference; NULL = on another daemon */
	struct operation_view end;   /* of a run on another daemon, after warm_wait() */
};

/*
 * Starts a run of a job. If one is under way, on this or another daemon, *ret is that one. `note`
 * may be NULL. ERR_UNKNOWN_JOB; ERR_TIMEOUT: another daemon is starting it; Redis's errors, because
 * the lock is in Redis. Parks.
 */
enum error warm_start(struct warm *warm, struct slice job, const struct identity *who,
	const char *note, struct warm_started *ret, struct fault *fault);
/*
 * Waits for the end of a run on any daemon; `state` is then its verdict. ERR_TIMEOUT: not before
 * `deadline`, or the run of another daemon could not be read. Parks.
 */
enum error warm_wait(struct warm *warm, struct warm_started *started, int64_t deadline);
void warm_started_release(struct warm_started *started);

/* The state of a job that is configured. */
struct warm_job {
	const struct conf *all; /* the current configuration */
	const struct conf_job *conf;
	int64_t next_run_wall_ms, last_success_wall_ms; /* -1 = none, or not known; the next run is
							   the first one after a pause of warming */
	struct job_use use;
	struct job_missed missed;
	bool failing;			/* job_is_failing() */
	struct operation_view last_run; /* under way or ended, on any daemon; empty id = none */
};
/* Calls `look` for each job, in the order of the configuration. It may not park. */
void warm_each(
	const struct warm *warm, void (*look)(void *context, struct warm_job *job), void *context);
/* How many runs there are in this process. */
size_t warm_running(const struct warm *warm);
/*
 * For health: the number of jobs that are failing (job_is_failing()), and of these the number whose
 * last run was missed; the name of one of them, and its error, which is borrowed until the next
 * turn, or NULL.
 */
size_t warm_failing(
	const struct warm *warm, size_t *ret_missed, const char **ret_name, const char **ret_why);

#endif
