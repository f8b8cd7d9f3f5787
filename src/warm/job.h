/* SPDX-License-Identifier: MIT */
/*
 * What is known of each job: its runs here, and its last run and success over all daemons.
 *
 *	run ends -> job_ran() -> cw:job:<name> (JSON, 30 days) -> jobs_refresh() here and elsewhere
 *
 * A job keeps its place here for as long as the process lives, also when a reload removes it.
 */
#ifndef CW_WARM_JOB_H
#define CW_WARM_JOB_H

#include "operation/operation.h"
#include "warm/schedule.h"

struct job {
	char *name;
	bool configured; /* in the configuration in force */
	bool suspended;

	struct schedule *schedule; /* NULL = none */
	struct due_state due;
	int64_t next_run_wall_ms; /* -1 = none is planned */

	bool starting;		   /* somebody is about to begin a run here */
	struct operation *running; /* a reference; NULL = none here */

	/* The last run that ended, here or elsewhere. */
	cJSON *last_run; /* an operation as api.md has it; NULL = not known */
	int64_t last_finished_wall_ms, last_success_wall_ms; /* -1 = not known */
	bool unsaved; /* it was ours, and Redis did not take it yet */
	bool failing;
};

struct jobs {
	struct cache *cache;
	struct job **items;
	size_t count;
	struct fiber_group refreshers;
	int64_t refreshed_ms; /* monotonic; -1 = never */
	bool stopped;
};

void jobs_init(struct jobs *jobs, struct cache *cache);
/* jobs_stop() has been called. */
void jobs_release(struct jobs *jobs);
/* Ends a refresh that is on its way; there will be no other. Parks. */
void jobs_stop(struct jobs *jobs);
/* Adds what is new in `conf`, and marks what is configured and what is not. */
void jobs_configure(struct jobs *jobs, const struct conf *conf);
/* NULL where the name was never configured. */
struct job *jobs_find(const struct jobs *jobs, struct slice name);
/* Begins to read what other daemons know, unless that was done less than a second ago. */
void jobs_refresh(struct jobs *jobs);

/*
 * A run has ended as `record` (taken over: an operation's JSON in its final state) says. Counts it
 * among the metrics of jobs and writes it to Redis, if that answers. Parks.
 */
void job_ran(struct jobs *jobs, struct job *job, cJSON *record);

/* One element of `jobs` in GET /warm and, shorter, in stats. */
cJSON *job_json(const struct job *job, const struct conf_job *conf, bool full);

#endif
