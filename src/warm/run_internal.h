/* SPDX-License-Identifier: MIT */
/* A run from inside, for run.c (attempts, verdict) and run_attempt.c (rows). */
#ifndef CW_WARM_RUN_INTERNAL_H
#define CW_WARM_RUN_INTERNAL_H

#include "warm/rate.h"
#include "warm/row.h"
#include "warm/run.h"
#include "warm/window.h"

/* What is done when a fiber was cancelled may take so long. */
enum { RUN_CLEANUP_MS = 5000 };

struct run {
	struct run_world *world;
	struct conf *conf;
	const struct conf_job *conf_job;
	struct job *job;
	struct lock *lock;

	/* While it works: */
	struct operation *operation;
	int64_t deadline;
	unsigned attempts;
	bool stored_before;	/* an earlier attempt did */
	bool log_lost;		/* once already */
	int64_t retry_after_ms; /* the source has said so; 0 = it has not */
	struct tally tally;
	struct row_maker maker;
	struct rate rate;
	struct window *window; /* of the attempt */
	int64_t worked_since_ns;
	unsigned rows_unlooked;
	size_t bytes_unlooked;
};

/* Whether it may go on: not cancelled, in time, and still the only one. */
enum error run_may_go_on(const struct run *run, struct fault *fault);
/*
 * One attempt: opens the source, moves its rows, hears what is under way. *ret_source says whether
 * the error is the source's, which another attempt may mend. Parks.
 */
enum error run_attempt(struct run *run, bool *ret_source, struct fault *fault);

#endif
