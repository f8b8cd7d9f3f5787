/* SPDX-License-Identifier: MIT */
/*
 * One run of one job: reads rows from the job's source, stores them in Redis, and gives a verdict.
 *
 *	source_next -> row_make -> rate_take -> window_add ... window_flush -> counts -> verdict
 *	     ^ a source that fails is opened again, up to `attempts` times, after `backoff`, which
 *	       doubles
 *
 * Each attempt begins with the first row; what earlier attempts stored stays. The counts reported
 * are those of the attempt that read most rows. `timeout` limits all attempts together, without the
 * time that the run waited for other runs (warm.concurrency).
 */
#ifndef CW_WARM_RUN_H
#define CW_WARM_RUN_H

#include "base/semaphore.h"
#include "operation/pause.h"
#include "source/source.h"
#include "warm/job.h"
#include "warm/lock.h"
#include "warm/undo.h"

/* How long a run waits for other runs; then it has failed. */
enum { RUN_QUEUE_MS = 6 * 3600 * 1000 };

/* What all runs share. All but `turns` are borrowed. */
struct run_world {
	struct cache *cache;
	struct log *log;
	struct sources *sources;
	struct jobs *jobs;
	struct undo *undo;
	struct triggers *triggers;     /* warm/trigger.h */
	struct usefulness *usefulness; /* warm/usefulness.h */
	const struct pauses *pauses;
	struct semaphore turns;
};

struct run;

extern const struct operation_kind run_kind;

/* Takes `lock` (NULL: see below) over, and a reference of `conf`, to which `conf_job` belongs. */
struct run *run_new(struct run_world *world, struct conf *conf, const struct conf_job *conf_job,
	struct job *job, struct lock *lock);
/* An operation's free_context; the context is a run, or NULL. */
void run_free(void *context);
/* It reads all of its source, also if that is unchanged. */
void run_read_all(struct run *run);
/* The lock, before its work, of a run that was made without one; takes it over. */
void run_lock(struct run *run, struct lock *lock);
/* An operation's work: struct operation_spec, `run`. Parks. */
enum operation_state run_work(
	struct operation *operation, void *context, void **ret_result, struct fault *fault);

#endif
