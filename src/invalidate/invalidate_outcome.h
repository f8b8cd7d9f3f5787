/* SPDX-License-Identifier: MIT */
/* How one invalidation ends; for invalidate_run.c only. */
#ifndef CW_INVALIDATE_INVALIDATE_OUTCOME_H
#define CW_INVALIDATE_INVALIDATE_OUTCOME_H

#include "invalidate/invalidate_run.h"

/* Why the run is not complete. The first reason stays. */
void invalidate_outcome_reason(struct invalidate_run *run, enum invalidation_reason reason);
/* What the end of a pass says about the run. */
void invalidate_outcome_pass(struct invalidate_run *run, const struct pass_request *request);
/* The same for an error: ERR_CANCELLED of an operation that ran out of time is ERR_TIMEOUT. */
void invalidate_outcome_error(struct invalidate_run *run, enum error error);
/*
 * The state of the operation, once all is done; `error`: what ended it, or OK. If the state is
 * OPERATION_FAILED, `fault` says why.
 */
enum operation_state invalidate_outcome_state(
	struct invalidate_run *run, enum error error, struct fault *fault);
void invalidate_outcome_count(const struct invalidate_run *run); /* in the metrics, if any */
/* For the caller to free. The selectors and the sample move to it from the plan. */
struct invalidation_result *invalidate_outcome_result(struct invalidate_run *run);

#endif
