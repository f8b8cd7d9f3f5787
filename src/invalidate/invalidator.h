/* SPDX-License-Identifier: MIT */
/*
 * Invalidation: from selectors to removed keys, with a verdict that is true.
 *
 *	plan (keys, entities, dependency rules, patterns, tags) -> guard -> log -> UNLINK by name
 *	   for tags, page by page through their members,
 *	   and, for patterns, a pass: paced SCAN pages over all primaries, shared by all that wait
 *
 * Complete means: one pass, begun after the invalidation was logged, over servers whose run_id,
 * role, replication id and flush counters were the same before its first and after its last page.
 * Names of removed keys are not collected, save a sample of 20.
 */
#ifndef CW_INVALIDATE_INVALIDATOR_H
#define CW_INVALIDATE_INVALIDATOR_H

#include "invalidate/invalidation_result.h"
#include "operation/operation.h"

struct invalidator *invalidator_new(struct cache *cache, struct operations *operations);
/* The operations have ended; cancels passes that still run, and waits for them. Parks. */
void invalidator_stop(struct invalidator *invalidator, int64_t deadline);
void invalidator_free(struct invalidator *invalidator);

/*
 * Checks it (bad patterns, keys that the caller may not touch, a catch-all without scope flush,
 * max_keys above the configuration's: nothing has been done then) and begins the operation, which
 * takes `invalidation` over in any case. ERR_TOO_MANY_OPERATIONS past invalidate.queue.
 *
 * The operation's result is a struct invalidation_result. It ends COMPLETED also where `complete`
 * is false because max_keys was reached, and FAILED with ERR_CONFIRMATION_REQUIRED where a
 * confirmation is needed: the result then has matched_at_least and the confirmation.
 */
enum error invalidator_begin(struct invalidator *invalidator, struct invalidation *invalidation,
	struct operation **ret, struct fault *fault);

/* A warm job that an invalidation names, which has ended. */
struct invalidation_rewarm {
	struct slice job;
	const char *by, *note;
};
/* Starts a run of it, or joins one that waits. It may not park. Errors become the answer's. */
typedef enum error invalidator_rewarm(void *context, const struct invalidation_rewarm *asked,
	char ret_id[OPERATION_ID_BYTES + 1], struct fault *fault);
/* `rewarm` runs jobs for the invalidations that name some. */
void invalidator_on_rewarm(
	struct invalidator *invalidator, invalidator_rewarm *rewarm, void *context);

/* The passes of its operations. */
const struct pass_queue *invalidator_queue(const struct invalidator *invalidator);

#endif
