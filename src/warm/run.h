/* SPDX-License-Identifier: MIT */
/*
 * One run of one job, the only mover of rows: from its source to Redis, with a verdict.
 *
 *	source_next -> row_make -> rate -> window_add ... window_flush -> tally -> verdict
 *	     ^ a source that fails is opened again, `attempts` times, `backoff` apart (doubling)
 *
 * An attempt begins from the first row; what earlier ones stored stays. The counts are those of the
 * attempt that got furthest. `timeout` bounds the whole run, from when its turn came.
 */
#ifndef CW_WARM_RUN_H
#define CW_WARM_RUN_H

#include "base/semaphore.h"
#include "source/source.h"
#include "warm/job.h"
#include "warm/lock.h"
#include "warm/undo.h"

/* How long a run waits for its turn: it has failed then. */
enum { RUN_QUEUE_MS = 6 * 3600 * 1000 };

/* What runs share, and what outlives them. */
struct run_world {
	struct cache *cache;
	struct log *log;
	struct sources *sources;
	struct jobs *jobs;
	struct undo *undo;
	struct semaphore turns;
};

struct run;

/* Takes `lock` over, and a reference of `conf`, which has `conf_job`. */
struct run *run_new(struct run_world *world, struct conf *conf, const struct conf_job *conf_job,
	struct job *job, struct lock *lock);
/* An operation's free_context; the context is a run. */
void run_free(void *context);
/* An operation's work. Parks. */
enum operation_state run_work(
	struct operation *operation, void *context, void **ret_result, struct fault *fault);

#endif
