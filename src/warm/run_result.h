/* SPDX-License-Identifier: MIT */
/*
 * Counts of a run's rows, its verdict, and its result. Each row that was read is in exactly one
 * count: rows = stored + skipped + rejected + invalidated + visited.
 */
#ifndef CW_WARM_RUN_RESULT_H
#define CW_WARM_RUN_RESULT_H

#include "operation/operation.h"

enum { RUN_FIRST_ERRORS = 10 };

struct run_error {
	uint64_t row; /* 0 = of no row */
	char detail[sizeof((struct fault *)0)->detail];
};

struct run_counts {
	uint64_t rows, stored, rejected;
	uint64_t visited;     /* of mode visit: requested with success */
	uint64_t skipped;     /* not stored because of the mode, or written by others meanwhile */
	uint64_t invalidated; /* stored, invalidated meanwhile, and so removed again */
	uint64_t bytes;	      /* of the values stored */
	uint64_t removed;     /* of mode swap: keys of earlier runs */
	uint64_t reasons[ERROR_COUNT];
	struct run_error first[RUN_FIRST_ERRORS];
	size_t first_count;
	bool unchanged; /* the source has nothing new, and what it had is there: nothing was read */
	bool absent;	/* the last document has nothing at the source's `rows` */
};

/* Counts a rejected row; keeps the first RUN_FIRST_ERRORS of their errors. */
void run_counts_reject(struct run_counts *counts, uint64_t row, const struct fault *why);

/* The result of a warm operation (struct operation_kind). */
struct run_result {
	char *job; /* owned */
	struct run_counts counts;
	struct fault ended; /* the error that ended the run early: of the source, of Redis; or OK */
	unsigned attempts;
	bool visits; /* of mode visit */
	bool swaps;  /* of mode swap */
	int64_t took_ns;
};

/*
 * The verdict (docs/api.md, "POST /api/v1/admin/cache/warm"). `stored_before`: an earlier attempt
 * stored entries. `fault` is the error that ended the run early; if the counts alone make the run a
 * failure, or most rows were rejected, it is filled in. A run whose fault is an error is one that
 * makes its job failing (warm/job.h); a few bad rows are none.
 */
enum operation_state run_result_verdict(const struct run_result *result, const struct conf_job *job,
	bool stored_before, struct fault *fault);
/* What a run that goes on has met so far: "so_far" of its operation. Context: struct run_counts. */
cJSON *run_counts_so_far(const void *counts);
/* The document of a struct run_result, in records and answers; `ended` comes first in its errors.
 */
cJSON *run_result_json(const void *result);
void run_result_free(void *result); /* may be NULL */

#endif
