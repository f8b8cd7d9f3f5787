/* SPDX-License-Identifier: MIT */
/*
 * What became of a run's rows, and the verdict. Each row that was read ends in exactly one count:
 * rows = stored + skipped + rejected + invalidated.
 */
#ifndef CW_WARM_TALLY_H
#define CW_WARM_TALLY_H

#include "operation/operation.h"

enum { TALLY_FIRST_ERRORS = 10 };

struct tally_error {
	uint64_t row; /* 0 = none in particular */
	char detail[sizeof((struct fault *)0)->detail];
};

struct tally {
	uint64_t rows, stored, rejected;
	uint64_t skipped;     /* not stored because of the mode */
	uint64_t invalidated; /* stored, but an invalidation came meanwhile: removed again */
	uint64_t bytes;	      /* of the values stored */
	uint64_t reasons[ERROR_COUNT];
	struct tally_error first[TALLY_FIRST_ERRORS];
	size_t first_count;
	bool absent; /* the last document had nothing where its rows should be */
};

void tally_reject(struct tally *tally, uint64_t row, const struct fault *why);

/* How a run ended, besides its counts. */
struct tally_end {
	enum error error;   /* what ended it early: of the source, of Redis; OK = nothing */
	bool empty_ok;	    /* no rows at all is fine */
	bool stored_before; /* an earlier attempt stored something */
	const char *job;
	struct slice
		rows; /* where they should be in a JSON document; empty = the document itself */
	unsigned attempts;
	int64_t took_ns;
};

/*
 * The verdict of api.md. `fault` holds what ended the run early, if anything did; where the counts
 * alone make a failure it is filled with that.
 */
enum operation_state tally_verdict(
	const struct tally *tally, const struct tally_end *end, struct fault *fault);
/* The operation's result. With a `fault` that ended it early, that stands among the errors. */
cJSON *tally_json(
	const struct tally *tally, const struct tally_end *end, const struct fault *fault);

#endif
