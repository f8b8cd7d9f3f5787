/* SPDX-License-Identifier: MIT */
/* A run, for run.c and run_attempt.c. */
#ifndef CW_WARM_RUN_INTERNAL_H
#define CW_WARM_RUN_INTERNAL_H

#include "warm/key_sample.h"
#include "warm/rate.h"
#include "warm/row.h"
#include "warm/run.h"
#include "warm/run_result.h"
#include "warm/swap.h"
#include "warm/unchanged.h"

enum { RUN_CLEANUP_MS = 5000 }; /* for closing the source and the verdict of a cancelled run */

struct run {
	struct run_world *world;
	struct conf *conf;
	const struct conf_job *conf_job;
	struct job *job;
	struct lock *lock;

	/* While it runs: */
	struct operation *operation;
	int64_t deadline, began_ns;
	unsigned attempts;
	bool stored_before;	/* an earlier attempt stored entries */
	bool log_lost;		/* the invalidation log was lost once */
	int64_t retry_after_ms; /* as the source asked for; 0 = it did not */
	struct run_counts counts;
	struct row_maker maker;
	struct rate rate;
	struct window *window;	  /* of the attempt */
	struct trickle *trickle;  /* sends what waits in the window */
	bool ticked;		  /* some time has passed */
	struct visits *visits;	  /* or these, in mode visit */
	struct source *source;	  /* of the attempt, while its rows are read */
	struct key_sample sample; /* of the attempt's keys */
	bool read_all;
	char etag[SOURCE_ETAG_BYTES]; /* of what the attempt has read to its end */
	char asked[SOURCE_ETAG_BYTES];
	struct inval_place place; /* before that */
	struct swap swap;	  /* of mode swap; without a number until the first attempt */
	int64_t worked_since_ns;
	unsigned rows_unlooked;
	size_t bytes_unlooked;
};

/* Whether the run may go on: not cancelled, in time, and with its lock. */
enum error run_may_continue(const struct run *run, struct fault *fault);
/* Retries until success, or until retrying cannot help. Parks. */
enum error run_attempts(struct run *run, struct fault *fault);

#endif
