/* SPDX-License-Identifier: MIT */
/*
 * Visits: for each row of a run one request to a service, which then fills its own cache. Nothing
 * is stored; a status of 2xx is success.
 *
 *	visits_add, visits_add, ... at most job->window under way ... visits_end -> counts
 *
 * 429 and 503 with Retry-After: the visit is tried again after that, and no other begins before. If
 * the service's breaker opens, the attempt ends.
 */
#ifndef CW_WARM_VISIT_H
#define CW_WARM_VISIT_H

#include "source/source.h"
#include "warm/run_result.h"

struct visits;

/* All are borrowed until visits_end(). */
struct visits_spec {
	struct loop *loop;
	struct sources *sources;
	const struct conf_job *job;
	struct run_counts *counts; /* what becomes of the rows */
	int64_t deadline;
};

struct visits *visits_new(const struct visits_spec *spec);
/*
 * Begins the visit of a row, as soon as there is room. A row that cannot be visited is counted. An
 * error ends the attempt: ERR_SOURCE_FAILED (the breaker), ERR_TIMEOUT, ERR_CANCELLED. Parks.
 */
enum error visits_add(struct visits *visits, const struct source_row *row, struct fault *fault);
/* Waits for the visits under way, to their end or to an error. Errors as visits_add(). Parks. */
enum error visits_flush(struct visits *visits, struct fault *fault);
/* Cancels what is under way, counts it, and frees. May be NULL. In a cleanup section. Parks. */
void visits_end(struct visits *visits);

#endif
