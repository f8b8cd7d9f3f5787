/* SPDX-License-Identifier: MIT */
/*
 * Warming: jobs that fill the cache from their source, on a schedule, on events, or when asked.
 *
 *	scheduler (due), event (startup, flushed) or caller -> lock cw:run:<job> -> run -> verdict
 *
 * A run is an operation. One daemon runs a job at a time (the lock), and each fire of a schedule
 * happens once over all daemons (the receipt cw:fire:<job>:<time>).
 */
#ifndef CW_WARM_WARM_H
#define CW_WARM_WARM_H

#include "engine/engine.h"
#include "operation/operation.h"
#include "source/source.h"

struct warm;

/* All are borrowed. */
struct warm *warm_new(struct engine *engine, struct log *log, struct sources *sources);
/* Stops the schedules; runs are the operations' business. Parks. */
void warm_stop(struct warm *warm);
void warm_free(struct warm *warm);

/* reload_member: prepare makes the schedules, whose texts the configuration has judged. */
enum error warm_prepare(struct warm *warm, struct conf *next, struct fault *fault);
void warm_commit(struct warm *warm, struct conf *next);
/* Once Redis is usable for the first time: fires the jobs that run `on: startup`. */
void warm_startup(struct warm *warm);

struct warm_started {
	char operation_id[40];
	char *job;
	enum operation_state state;
	bool already_running;
	struct operation *operation; /* a reference; NULL where it runs on another daemon */
	struct operation_view end;   /* of such a one, once warm_wait() has seen its end */
};

/*
 * Starts one run. Another run of the job, here or on another daemon, is reported instead.
 * `attempt to store nothing` is never a success: see api.md, "failed" and "partial". The lock needs
 * Redis: its errors come out. Parks.
 */
enum error warm_start(struct warm *warm, struct slice job, const struct identity *who,
	const char *note, struct warm_started *ret, struct fault *fault);
/*
 * OK when the run has ended, on whichever daemon; `state` says how. ERR_TIMEOUT when `deadline`
 * came first, or another daemon's run cannot be looked at. Parks.
 */
enum error warm_wait(struct warm *warm, struct warm_started *started, int64_t deadline);
void warm_started_release(struct warm_started *started);

/* The state of a job that is configured. */
struct warm_job {
	const struct conf *all; /* the current configuration */
	const struct conf_job *conf;
	int64_t next_run_wall_ms, last_success_wall_ms; /* -1 = none, or not known */
	struct operation_view last_run; /* under way or ended, on any daemon; empty id = none */
};
/* Calls `look` for each job, in the order of the configuration. It may not park. */
void warm_each(
	const struct warm *warm, void (*look)(void *context, struct warm_job *job), void *context);
/* How many runs there are in this process. */
size_t warm_running(const struct warm *warm);
/* Jobs whose last run failed, and the name of one of them (NULL where there is none), for health.
 */
size_t warm_failing(const struct warm *warm, const char **ret_name);

#endif
