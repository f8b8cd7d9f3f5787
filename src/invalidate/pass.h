/* SPDX-License-Identifier: MIT */
/*
 * Passes: scans over all keys that serve many operations at once.
 *
 *	operation --request--> waiting --(5 ms for more, or a pass is full)--> pass
 *	                                                   one scan, all patterns |
 *	operation <--counts, verdict----------------------------------------------+
 *
 * What comes while a pass runs waits for the next one, because a pass must have begun after the
 * invalidation was logged. A second one runs beside it once enough wait for it.
 */
#ifndef CW_INVALIDATE_PASS_H
#define CW_INVALIDATE_PASS_H

#include "base/name_list.h"
#include "cache/pattern.h"
#include "invalidate/plan.h"
#include "invalidate/removal.h"
#include "operation/operation.h"

enum { PASS_COUNTERS = 64, PASS_PATTERNS = 256, PASS_HOLD_BYTES = 128 * 1024 };

enum pass_mode {
	PASS_COUNT,  /* only counts */
	PASS_REMOVE, /* removes at once */
	PASS_HOLD,   /* notes names, and removes them at the end if all fit and are few enough */
};

enum pass_end {
	PASS_ALL,     /* every key was seen, on servers that stayed the same */
	PASS_LIMIT,   /* more matched than `limit`; those past it were left alone */
	PASS_CHANGED, /* a server was replaced, promoted or emptied, or slots moved meanwhile */
	PASS_SKIPPED, /* of a cluster, some servers were away: not all keys were seen */
};

/* One selector of a request; a key counts for it once, however many of its patterns match. */
struct pass_counter {
	uint32_t selector;
	uint64_t matched, invalidated;
};

struct pass_pattern {
	struct pattern pattern;
	unsigned counter;
};

struct pass;

struct pass_request {
	/* In. */
	struct plan *plan;
	struct operation *operation; /* told of the progress; may be NULL */
	enum pass_mode mode;
	struct removal_effect effect; /* what only looks is REMOVE, too */
	uint64_t limit;		      /* keys */
	double max_latency_ms;	      /* 0 = unpaced */
	size_t pattern_count;
	struct pass_pattern *patterns;
	size_t counter_count;
	struct pass_counter counters[PASS_COUNTERS];
	/* Out. */
	uint64_t matched, invalidated, modified, protected_skipped;
	uint64_t instead;      /* see struct removal_counts */
	uint64_t orphans;      /* names left on servers that have their slots no more */
	struct name_list away; /* the servers that PASS_SKIPPED is about */
	bool overflowed;       /* HOLD: the names did not fit; they were counted only */
	enum pass_end end;
	unsigned scans;
	/* The pass's own. */
	struct buf held;
	struct pass *pass;
	struct pass_request *next;
	const char *id; /* of the fiber that waits for it, for the log */
	unsigned place, first_bit;
	size_t in_flight; /* unanswered commands that remove for it */
	bool leaving, done;
	enum error error;
	struct fault fault;
	struct fiber_cond ended;
};

/*
 * Takes the plan's patterns from *at on, as many as one pass can serve, and moves *at behind them.
 * The plan must outlive it.
 */
struct pass_request *pass_request_new(struct plan *plan, size_t *at);
void pass_request_free(struct pass_request *request);

struct pass_queue;

struct pass_queue *pass_queue_new(struct cache *cache);
void pass_queue_free(struct pass_queue *passes);
/* Parks. */
void pass_queue_stop(struct pass_queue *passes, int64_t deadline);
uint64_t pass_queue_total(const struct pass_queue *passes);
/* How many requests no pass has taken yet. */
size_t pass_queue_waiting(const struct pass_queue *passes);
/* How many passes run now. */
size_t pass_queue_running(const struct pass_queue *passes);

/*
 * Waits for a pass that serves the request. The counts are right whatever it returns: the error
 * that ended the pass, after one retry where the connection was lost; or ERR_CANCELLED. Parks.
 */
enum error pass_run(struct pass_queue *passes, struct pass_request *request, struct fault *fault);

#endif
