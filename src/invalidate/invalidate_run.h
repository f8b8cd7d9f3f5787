/* SPDX-License-Identifier: MIT */
/* One invalidation on its way; for invalidate*.c only. */
#ifndef CW_INVALIDATE_INVALIDATE_RUN_H
#define CW_INVALIDATE_INVALIDATE_RUN_H

#include "invalidate/confirm.h"
#include "invalidate/invalidator.h"
#include "invalidate/pass.h"
#include "invalidate/tag_purge.h"

struct invalidator {
	struct cache *cache;
	struct operations *operations;
	struct pass_queue *passes;
	struct confirms *confirms;
	struct semaphore tag_turns;
	invalidator_rewarm *rewarm; /* NULL = none */
	void *rewarm_context;
	size_t arriving; /* have begun and do not wait for a pass yet */
};

struct invalidate_run {
	struct invalidator *owner;
	struct invalidation *asked;
	struct plan *plan;
	struct operation *operation; /* while it runs */
	uint8_t digest[SHA256_BYTES];
	bool arriving;
	bool confirmed; /* as many as `limit` may be removed without asking back */
	uint64_t limit;
	double max_latency_ms;
	/* The outcome. */
	enum invalidation_reason reason;
	enum error error; /* where that is ERROR */
	uint64_t matched, invalidated, modified, passes;
	uint64_t instead;	    /* see struct removal_counts */
	uint64_t protected_skipped; /* by patterns and the plan */
	uint64_t tags_skipped;
	uint64_t orphans;      /* see struct pass_request */
	struct name_list away; /* servers that were not scanned */
	struct buf names;      /* see invalidation_names.h; empty = not recorded */
	uint64_t exact_hits;   /* of the last look at, or removal of, the exact keys */
	bool recount;	/* all has been removed or modified once: keys that stay are met again */
	bool not_known; /* it failed before it met any key: how many match is not known */
	bool needs_confirmation;
	bool confirm_unknown; /* one was given that is not valid: all is counted, nothing done */
	char confirmation[CONFIRM_DIGITS + 1]; /* "" = none */
	int64_t began_ns;
};

void invalidate_run_free(void *argument);
/* The operation's work, from top to bottom. Parks. */
enum operation_state invalidate_run(
	struct operation *operation, void *context, void **ret_result, struct fault *fault);

#endif
