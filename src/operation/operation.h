/* SPDX-License-Identifier: MIT */
/*
 * Operations: work that outlives the request that started it, such as an invalidation or a warm
 * run. Each has a fiber in the operations' group and a record in Redis (`cw:op:<id>`, 7 days; the
 * ids by time in the ZSET `cw:ops`) which all daemons on the same Redis read. The process that runs
 * it keeps it in memory, and the last 1,000 after their end.
 *
 *	begin -> QUEUED -> RUNNING -> COMPLETED | PARTIAL | FAILED | CANCELLED
 *
 * A process with operations that have not ended renews `cw:daemon:<instance>` (PX 10 s). A queued
 * or running record whose process has no such key is shown as INTERRUPTED.
 */
#ifndef CW_OPERATION_OPERATION_H
#define CW_OPERATION_OPERATION_H

#include <cjson/cJSON.h>

#include "cache/cache.h"

enum operation_state {
	OPERATION_QUEUED,
	OPERATION_RUNNING,
	OPERATION_COMPLETED,
	OPERATION_PARTIAL,
	OPERATION_FAILED,
	OPERATION_CANCELLED,
	OPERATION_INTERRUPTED,
};
const char *operation_state_name(enum operation_state state);
/* False where no state has this name. `ret` may be NULL. */
bool operation_state_named(struct slice name, enum operation_state *ret);

/* What an operation is doing: X(name, text). A phase queued shows it as QUEUED. */
#define OPERATION_PHASE_TABLE(X) \
	X(QUEUED, "queued") \
	X(PLANNING, "planning") \
	X(COUNTING, "counting") \
	X(REMOVING, "removing") \
	X(OPENING, "opening") \
	X(STORING, "storing") \
	X(WAITING, "waiting to try again") \
	X(ENDING, "ending") \
	X(ENDED, "ended")

enum operation_phase {
#define OPERATION_PHASE_ENUM(name, text) OPERATION_PHASE_##name,
	OPERATION_PHASE_TABLE(OPERATION_PHASE_ENUM)
#undef OPERATION_PHASE_ENUM
};

enum { OPERATION_ID_BYTES = 20 }; /* hexadecimal digits; they sort by the time of the start */

struct operation;

/*
 * A kind of operations. Its work returns a struct of the kind as the result (operation_result());
 * `json` makes the document of it for records and answers.
 */
struct operation_kind {
	const char *name; /* "invalidate", "warm" */
	cJSON *(*json)(const void *result);
	void (*free)(void *result);
};

/*
 * The work. Runs in the operation's fiber; returns how it ended, with `fault` filled for FAILED,
 * for PARTIAL where an error is the cause and else cleared, and *ret_result (may stay NULL), which
 * the operation then owns. Cancelling makes its parks fail.
 */
typedef enum operation_state operation_function(
	struct operation *operation, void *context, void **ret_result, struct fault *fault);

struct operation_spec {
	const struct operation_kind *kind; /* lives as long as the process */
	const char *subject;		   /* the job's name; NULL where there is none */
	const char *by;			   /* identity name; copied */
	const char *note;		   /* NULL = none; copied */
	operation_function *run;
	void *context;
	void (*free_context)(void *context); /* called when `run` has returned */
	int64_t timeout_ms;		     /* 0 = 30 minutes */
	bool sweeps;			     /* it has a pattern that matches every key */
	bool dry_run;			     /* it changes nothing */
};

struct operations *operations_new(struct cache *cache);
/* All operations must have ended. */
void operations_free(struct operations *operations);

/*
 * Is asked before the work of an operation, in its fiber: an error makes the operation fail with
 * the fault. Parks.
 */
typedef enum error operation_guard(void *context, struct operation *operation, struct fault *fault);
void operations_set_guard(struct operations *operations, operation_guard *guard, void *context);

/*
 * Starts an operation; the caller gets a reference. On an error (ERR_STOPPING) the context was
 * freed. The operation's own fiber writes the record, unless Redis is down.
 */
enum error operation_begin(struct operations *operations, const struct operation_spec *spec,
	struct operation **ret, struct fault *fault);
struct operation *operation_ref(struct operation *operation);
void operation_unref(struct operation *operation);

const char *operation_id(const struct operation *operation);
const char *operation_kind_name(const struct operation *operation);
bool operation_sweeps(const struct operation *operation);
/* The id of the request or operation that began it; "" = it was begun by the daemon itself. */
const char *operation_cause(const struct operation *operation);
enum operation_state operation_state(const struct operation *operation);
const struct fault *operation_error(const struct operation *operation);
/* What its work returned, a struct of its kind; NULL until it has ended. */
const void *operation_result(const struct operation *operation);
/* Whether the operation is cancelled because its time is over. */
bool operation_timed_out(const struct operation *operation);
bool operation_ended(const struct operation *operation);

/* For the work: its progress; total 0 = not known. */
void operation_progress(
	struct operation *operation, enum operation_phase phase, uint64_t done, uint64_t total);

/*
 * For the work: it waits for something outside, and why. Until the next operation_progress() the
 * view has the fault as its error, and neither rate nor estimate; the log and one event tell that
 * it waits, and one event that it goes on.
 */
void operation_waits(struct operation *operation, const struct fault *why);

/*
 * For the work: what is shown of it, beside its progress, until it ends or `json` is NULL; e.g.
 * what went wrong so far. `context` is borrowed, and `json` may not park.
 */
typedef cJSON *operation_so_far(const void *context);
void operation_tell(struct operation *operation, operation_so_far *json, const void *context);

/*
 * OK when it has ended, ERR_TIMEOUT at `deadline`, ERR_CANCELLED, also if the fiber was disowned;
 * the operation goes on then. Parks.
 */
enum error operation_wait(struct operation *operation, int64_t deadline);
void operation_cancel(struct operation *operation);

/* The state of an operation, of any daemon, at one moment. */
struct operation_view {
	char id[OPERATION_ID_BYTES + 1];
	enum operation_state state;
	const char *kind, *phase, *by;
	bool has_subject;
	bool dry_run;
	const char *subject, *note; /* NULL = none, or hidden */
	uint64_t done, total;	    /* total 0 = not known */
	double per_second, eta_s;   /* -1 = not known */
	int64_t started_wall_ms, finished_wall_ms;
	const char *error_code, *error_title; /* NULL = none ended it, nor does it wait */
	const char *error_detail;	      /* NULL = hidden */
	cJSON *result;			      /* its kind's document; NULL = none */
	cJSON *so_far;			      /* operation_tell(); NULL = none */
	const char *trace_id;		      /* of the request that began it; NULL = none */
	const char *instance;		      /* the process that runs or ran it */
	/* What the texts belong to. */
	struct operation *operation;
	cJSON *document;
};
void operation_view(struct operation *operation, struct operation_view *ret);
/* For its work: the view as it will be when the work has returned these. `fault` is borrowed. */
void operation_view_ended(struct operation *operation, enum operation_state state,
	const void *result, const struct fault *fault, struct operation_view *ret);
void operation_view_release(struct operation_view *view);
/*
 * The document that is stored in Redis, and the body of GET /operations/{id} (api.md): daemons of
 * all versions answer with the documents of others. The caller owns it.
 */
cJSON *operation_record_json(const struct operation_view *view);
/* Reads such a document, which it takes over; false (nothing to release) where it is not one. */
bool operation_record_view(cJSON *document, struct operation_view *ret);

/* By id, in memory or in Redis: ERR_UNKNOWN_OPERATION, or Redis's error. Parks. */
enum error operations_find(struct operations *operations, struct slice id,
	struct operation_view *ret, struct fault *fault);

/* An operation that was due and could not be begun. Nothing of it is recorded. */
struct operation_missed {
	const char *subject;
	int64_t due_wall_ms; /* -1 = by an event */
	struct fault why;
};

struct operations_query {
	int64_t since_wall_ms, until_wall_ms; /* -1 = open */
	struct slice by, state, kind;	      /* empty = any */
	bool by_dryness, dry_run;	      /* only dry runs, or only others */
	int64_t limit;
	struct slice cursor;
};
/* One page of the list, newest first. */
struct operations_page {
	struct operation_view *items;
	size_t count;
	char next[OPERATION_ID_BYTES + 1]; /* the cursor of the next page; "" = there is none */
};
/* With Redis down: the operations in memory. Parks. */
enum error operations_list(struct operations *operations, const struct operations_query *query,
	struct operations_page *ret, struct fault *fault);
void operations_page_release(struct operations_page *page);

/*
 * Cancels it on whichever daemon it runs: ERR_FORBIDDEN unless `who` started it or has `operate`,
 * ERR_CONFLICT where it has ended, ERR_UNKNOWN_OPERATION. *ret as operations_find(). Parks.
 */
enum error operations_cancel(struct operations *operations, struct slice id,
	const struct identity *who, struct operation_view *ret, struct fault *fault);

/* Calls `look` for each operation of this process that has not ended, newest first; no parks. */
void operations_each(const struct operations *operations,
	void (*look)(void *context, struct operation *operation), void *context);
/* How many operations of this kind have not ended in this process. */
size_t operations_active(const struct operations *operations, const char *kind);
/* Refuses new operations, cancels running ones and waits for them. Parks. */
void operations_stop(struct operations *operations, int64_t deadline);

#endif
