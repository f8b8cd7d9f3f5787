/* SPDX-License-Identifier: MIT */
/* One invalidation on its way; for invalidate*.c only. */
#ifndef CW_INVALIDATE_INVALIDATE_INTERNAL_H
#define CW_INVALIDATE_INVALIDATE_INTERNAL_H

#include "invalidate/confirm.h"
#include "invalidate/pass.h"
#include "invalidate/tag_purge.h"

struct invalidator {
	struct cache *cache;
	struct operations *operations;
	struct passes *passes;
	struct confirms *confirms;
	struct semaphore tag_turns;
	size_t arriving; /* have begun and do not wait for a pass yet */
};

struct job {
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
	const char *reason; /* why it is not complete; NULL = it is */
	uint64_t matched, invalidated, softened, passes;
	uint64_t protected_skipped; /* by patterns and the plan */
	uint64_t tags_skipped;
	uint64_t exact_hits; /* of the last look at, or removal of, the exact keys */
	bool again;	     /* all has been removed or softened once: soft keys are met again */
	bool not_known;	     /* it failed before it met any key: how many match is not known */
	bool needs_confirmation;
	bool confirm_unknown; /* one was given that is not valid: all is counted, nothing done */
	char token[CONFIRM_DIGITS + 1]; /* "" = none */
	int64_t began_ns;
};

void job_free(void *argument);
/* The operation's work, from top to bottom. Parks. */
enum operation_state job_run(
	struct operation *operation, void *context, cJSON **ret_result, struct fault *fault);
/* The first reason stays. */
void job_reason(struct job *job, const char *reason);
/* How many keys may still be removed or softened. */
uint64_t job_left(const struct job *job);
/* Looks at the keys named exactly, or removes (or softens) them. Parks. */
enum error job_run_exact(struct job *job, bool remove, uint64_t limit, struct fault *fault);
/* What one round of passes over all patterns found. */
struct job_round {
	enum pass_mode mode;
	uint64_t limit;
	bool keep; /* its counts are the job's */
	/* Out. */
	uint64_t matched, protected_skipped;
	bool limited, changed, overflowed;
};

/* As many passes as the patterns need; nearly always one. Parks. */
enum error job_run_passes(struct job *job, struct job_round *round, struct fault *fault);
enum job_tags {
	TAGS_COUNT,  /* how many are there, up to the limit */
	TAGS_REPORT, /* the same, and that is what the job has matched */
	TAGS_REMOVE, /* removes or softens them */
};
/*
 * Looks through the plan's tags. *ret_matched counts keys that are there, up to `limit`;
 * *ret_limited: there were more. Parks.
 */
enum error job_run_tags(struct job *job, enum job_tags what, uint64_t limit, uint64_t *ret_matched,
	bool *ret_limited, struct fault *fault);
/* The body of the invalidate route, less operation_id and state. */
cJSON *job_result(const struct job *job);
void job_count_metrics(const struct job *job);

#endif
