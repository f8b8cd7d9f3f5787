/* SPDX-License-Identifier: MIT */
/*
 * Counts of a run's rows, and the verdict. Each row that was read is in exactly one count:
 * rows = stored + skipped + rejected + invalidated.
 */
#ifndef CW_WARM_RUN_COUNTS_H
#define CW_WARM_RUN_COUNTS_H

#include "operation/operation.h"

enum { RUN_FIRST_ERRORS = 10 };

struct run_error {
	uint64_t row; /* 0 = of no row */
	char detail[sizeof((struct fault *)0)->detail];
};

struct run_counts {
	uint64_t rows, stored, rejected;
	uint64_t skipped;     /* not stored because of the mode, or written by others meanwhile */
	uint64_t invalidated; /* stored, invalidated meanwhile, and so removed again */
	uint64_t bytes;	      /* of the values stored */
	uint64_t reasons[ERROR_COUNT];
	struct run_error first[RUN_FIRST_ERRORS];
	size_t first_count;
	bool absent; /* the last document has nothing at the source's `rows` */
};

/* Counts a rejected row; keeps the first RUN_FIRST_ERRORS of their errors. */
void run_counts_reject(struct run_counts *counts, uint64_t row, const struct fault *why);

/* How a run ended, apart from its counts. */
struct run_end {
	enum error error;   /* that ended it early: of the source, of Redis; OK = none */
	bool empty_ok;	    /* `empty: ok`: no rows are not a failure */
	bool stored_before; /* an earlier attempt stored something */
	const char *job;
	struct slice rows; /* the source's `rows`, a JSON pointer; empty = the document */
	unsigned attempts;
	int64_t took_ns;
};

/*
 * The verdict (docs/api.md, "POST /api/v1/admin/cache/warm"). `fault` has the error that ended the
 * run early, if there is one; if the counts alone make the run a failure, it is filled in.
 */
enum operation_state run_counts_verdict(
	const struct run_counts *counts, const struct run_end *end, struct fault *fault);
/* The operation's result. The `fault` that ended the run early comes first among its errors. */
cJSON *run_counts_json(
	const struct run_counts *counts, const struct run_end *end, const struct fault *fault);

#endif
