/* SPDX-License-Identifier: MIT */
/* One invalidation on its way; for invalidate*.c only. */
#ifndef CW_CACHE_INVALIDATE_INTERNAL_H
#define CW_CACHE_INVALIDATE_INTERNAL_H

#include "cache/confirm.h"
#include "cache/pass.h"

struct invalidator {
	struct cw *cw;
	struct passes *passes;
	struct confirms *confirms;
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
	uint64_t matched, invalidated, protected_skipped, passes;
	uint64_t exact_hits; /* of the last look at, or removal of, the exact keys */
	bool needs_confirmation;
	char token[CONFIRM_DIGITS + 1]; /* "" = none */
	int64_t began_ns;
};

void job_free(void *argument);
/* The operation's work, from top to bottom. Parks. */
enum operation_state job_run(
	struct operation *operation, void *context, cJSON **ret_result, struct fault *fault);
/* The body of the invalidate route, less operation_id and state. */
cJSON *job_result(const struct job *job);
void job_count_metrics(const struct job *job);

#endif
