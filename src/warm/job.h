/* SPDX-License-Identifier: MIT */
/*
 * The state of each job: its run in this process, and its last run and success over all daemons.
 *
 *	run ends -> job_ran() -> cw:job:<name> (JSON, 30 days) -> jobs_refresh(), in each daemon
 *
 * A job stays in the list until the process ends, even after a reload has removed it.
 */
#ifndef CW_WARM_JOB_H
#define CW_WARM_JOB_H

#include "cache/inval_log.h"
#include "operation/operation.h"
#include "warm/key_sample.h"
#include "warm/schedule.h"

struct job {
	char *name;
	bool configured; /* in the current configuration */
	bool suspended;

	struct schedule *schedule;    /* NULL = none */
	int64_t next_nominal_wall_ms; /* schedule.h; -1 = none */
	int64_t next_run_wall_ms;     /* with its jitter; -1 = none */

	bool starting;		   /* a fiber of this process is starting a run */
	struct trigger *waiting;   /* for its run to begin (warm/trigger.h); NULL = none */
	int64_t triggered_at_ms;   /* when the last such run began; -1 = never */
	struct operation *running; /* a reference; NULL = no run in this process */

	/* The last run that ended, on any daemon. */
	cJSON *last_run; /* GET /operations/{id} of it; NULL = not known */
	int64_t last_finished_wall_ms, last_success_wall_ms; /* -1 = not known */
	bool unsaved; /* the run was ours, and Redis has no record of it yet */
	bool failing; /* it failed, or was partial with an error (run_result_verdict()) */

	/* The last run that this process was to start and did not. */
	struct job_missed {
		uint64_t count;	     /* since the daemon's start; 0 = none */
		int64_t due_wall_ms; /* -1 = by an event */
		int64_t wall_ms;     /* when it was given up */
		struct fault why;
		bool open; /* no run has ended since, and warming was not paused: it is failing */
	} missed;

	/* Of the last run of this process that stored keys: */
	struct key_sample sample;
	int64_t sampled_at_ms; /* monotonic */
	bool measured;	       /* warm/usefulness.h */
	/* How many keys of a sample were read, of a run on any daemon. */
	struct job_use {
		unsigned sampled, read;
		bool by_frequency;
		int64_t wall_ms; /* 0 = not known yet */
	} use;

	/* Of the last run that completed, if it was of this process (warm/unchanged.h). */
	char *etag; /* NULL = none */
	char etag_run[OPERATION_ID_BYTES + 1];
	struct inval_place etag_place;
};

struct jobs {
	struct cache *cache;
	struct job **items;
	size_t count;
	struct fiber_cond started; /* a job is not `starting` any more */
	struct fiber_group refreshers;
	int64_t refreshed_at_ms; /* monotonic; -1 = never */
	bool stopped;
};

void jobs_init(struct jobs *jobs, struct cache *cache);
/* After jobs_stop(). */
void jobs_release(struct jobs *jobs);
/* Ends a refresh that is under way, and prevents others. Parks. */
void jobs_stop(struct jobs *jobs);
/* Adds new jobs of `conf`; updates `configured` and `suspended` of all. */
void jobs_configure(struct jobs *jobs, const struct conf *conf);
/* NULL if the name was never configured. */
struct job *jobs_find(const struct jobs *jobs, struct slice name);
/* Starts to read the records in Redis, unless that was done less than a second ago. */
void jobs_refresh(struct jobs *jobs);

/*
 * A run of this process has ended; `record`, which is taken over, is its operation's JSON in its
 * final state. Updates the metrics of jobs and writes the record to Redis, if Redis answers. Parks.
 */
void job_ran(struct jobs *jobs, struct job *job, cJSON *record);

/* A run was not started (EVENT_MISSED); due_wall_ms -1: one that an event asks for. */
void job_missed(struct jobs *jobs, struct job *job, int64_t due_wall_ms, const struct fault *why);
/* The last run failed, or the last one that was due was missed. */
bool job_is_failing(const struct job *job);

/* The job's `use` is new: updates the metric and the record in Redis. Parks. */
void job_used(struct jobs *jobs, struct job *job);
/* The document of `use`; null if it is not known. The caller owns it. */
cJSON *job_use_json(const struct job_use *use);
/* The run in this process, or the last one that ended, anywhere; an empty id = none is known. */
void job_last_run(const struct job *job, struct operation_view *ret);

#endif
