/* SPDX-License-Identifier: MIT */
/* What an invalidation did: the result of its operation, and the members of the route's answer. */
#ifndef CW_INVALIDATE_INVALIDATION_RESULT_H
#define CW_INVALIDATE_INVALIDATION_RESULT_H

#include "base/name_list.h"
#include "invalidate/confirm.h"
#include "invalidate/plan.h"
#include "operation/operation.h"

/* Why an invalidation is not complete: X(name, text as in api.md). */
#define INVALIDATION_REASON_TABLE(X) \
	X(COMPLETE, NULL) \
	X(MAX_KEYS, "max_keys") \
	X(TOPOLOGY_CHANGED, "topology_changed") \
	X(SKIPPED_NODES, "skipped_nodes") \
	X(TOO_MANY_DEPENDENTS, "too_many_dependents") \
	X(UNREADABLE_DEPENDENTS, "unreadable_dependents") \
	X(STILL_MATCHING, "still_matching") \
	X(CONFIRMATION_REQUIRED, "confirmation_required") \
	X(CANCELLED, "cancelled") \
	X(REDIS_DOWN, "redis_down") \
	X(ERROR, NULL) /* the code of `error` */

enum invalidation_reason {
#define INVALIDATION_REASON_ENUM(name, text) REASON_##name,
	INVALIDATION_REASON_TABLE(INVALIDATION_REASON_ENUM)
#undef INVALIDATION_REASON_ENUM
};

/* A run of a warm job that follows. */
struct invalidation_rewarmed {
	char *job;
	char operation_id[OPERATION_ID_BYTES + 1]; /* "" = it does not run: `why` */
	char *why;
};

struct invalidation_result {
	bool expires; /* it changed TTLs, of so many keys as `softened` says */
	bool dry_run;
	enum invalidation_reason reason;
	enum error error;	  /* where the reason is ERROR */
	int64_t matched;	  /* -1 = not known */
	int64_t matched_at_least; /* -1 = nothing was to be confirmed */
	uint64_t invalidated, softened, protected_skipped;
	uint64_t removed_instead; /* of `invalidated`: Redis had no memory to soften them */
	struct plan_selector *selectors;
	size_t selector_count;
	bool selectors_unknown; /* how much each selector matched is not known */
	struct slice sample[INVALIDATION_SAMPLE];
	size_t sample_count;
	struct arena texts;		       /* of selectors and sample */
	char confirmation[CONFIRM_DIGITS + 1]; /* "" = none */
	uint64_t passes;
	/* Of a cluster. */
	uint64_t orphans;      /* names on servers that have their slots no more; they stay */
	struct name_list away; /* where the reason is SKIPPED_NODES: the servers */
	struct invalidation_rewarmed *rewarmed;
	size_t rewarmed_count;
	struct buf names; /* see invalidation_names.h; empty = not recorded */
	double duration_ms;
};

/* NULL where it is complete. */
const char *invalidation_result_reason(const struct invalidation_result *result);
/* Adds the members of the route's answer, less operation_id and state. */
void invalidation_result_add(const struct invalidation_result *result, cJSON *body);
/* The same as a document; `json` and `free` of the operation's kind. */
cJSON *invalidation_result_json(const void *result);
void invalidation_result_free(void *result);

#endif
