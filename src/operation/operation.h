/* SPDX-License-Identifier: MIT */
/*
 * Operations: work that outlives the request that asked for it, such as an invalidation or a warm
 * run. Each has a fiber in the operations' group, a record in Redis (`cw:op:<id>`, 7 days; the ids
 * by time in the ZSET `cw:ops`) that any daemon on the same Redis can answer from, and a copy in
 * memory while it runs and, for the last 1,000, afterwards.
 *
 *	begin -> QUEUED -> RUNNING -> COMPLETED | PARTIAL | FAILED | CANCELLED
 *
 * While a process has unfinished operations it keeps `cw:daemon:<instance>` alive (PX 10 s). A
 * record that says queued or running without that key is shown as INTERRUPTED.
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
/* False where it is the name of none. `ret` may be NULL. */
bool operation_state_named(struct slice name, enum operation_state *ret);

enum { OPERATION_ID_BYTES = 20 }; /* hexadecimal digits; they sort by the time of the beginning */

struct operation;

/*
 * The work. Runs in the operation's fiber; returns how it ended, with `fault` filled for FAILED,
 * and *ret_result (may stay NULL) for the record. Cancelling makes its parks fail.
 */
typedef enum operation_state operation_function(
	struct operation *operation, void *context, cJSON **ret_result, struct fault *fault);

struct operation_spec {
	const char *kind;    /* "invalidate", "warm"; constant text */
	const char *subject; /* the job's name; NULL where there is none */
	const char *by;	     /* identity name; copied */
	const char *note;    /* NULL = none; copied */
	operation_function *run;
	void *context;
	void (*free_context)(void *context); /* after the last look at it */
	int64_t timeout_ms;		     /* 0 = 30 minutes */
};

struct operations *operations_new(struct cache *cache);
/* All have ended. */
void operations_free(struct operations *operations);

/*
 * Begins it; the caller gets a reference. On an error (ERR_STOPPING) the context was freed.
 * The record is written by the operation's own fiber, and not at all while Redis is down.
 */
enum error operation_begin(struct operations *operations, const struct operation_spec *spec,
	struct operation **ret, struct fault *fault);
struct operation *operation_ref(struct operation *operation);
void operation_unref(struct operation *operation);

const char *operation_id(const struct operation *operation);
const char *operation_kind(const struct operation *operation);
const char *operation_subject(const struct operation *operation); /* "" where there is none */
const char *operation_by(const struct operation *operation);
enum operation_state operation_state(const struct operation *operation);
const struct fault *operation_error(const struct operation *operation);
const cJSON *operation_result(const struct operation *operation); /* NULL until it has ended */
int64_t operation_started_wall_ms(const struct operation *operation);
int64_t operation_finished_wall_ms(const struct operation *operation); /* -1 before that */
bool operation_ended(const struct operation *operation);

/*
 * For the work: where it stands. `phase` is constant text; total 0 = not known. The phase "queued"
 * shows the operation as QUEUED, any other as RUNNING.
 */
void operation_progress(
	struct operation *operation, const char *phase, uint64_t done, uint64_t total);

/*
 * OK when it has ended, ERR_TIMEOUT when `deadline` came first, ERR_CANCELLED also where the fiber
 * was disowned: the operation goes on. Parks.
 */
enum error operation_wait(struct operation *operation, int64_t deadline);
void operation_cancel(struct operation *operation);

/* The body of GET /operations/{id}, api.md. The caller owns it. */
cJSON *operation_json(const struct operation *operation);
/* The same, for its work: what it will be once the work has returned these (`result` is copied). */
cJSON *operation_json_ended(const struct operation *operation, enum operation_state state,
	const cJSON *result, const struct fault *fault);

/* By id, in memory or in Redis: ERR_UNKNOWN_OPERATION, or Redis's error. Parks. */
enum error operations_find(
	struct operations *operations, struct slice id, cJSON **ret, struct fault *fault);

struct operations_query {
	int64_t since_wall_ms, until_wall_ms; /* -1 = open */
	struct slice by, state, kind;	      /* empty = any */
	int64_t limit;
	struct slice cursor;
};
/* {"items": [...], "next": cursor|null}, newest first. With Redis down: those in memory. Parks. */
enum error operations_list(struct operations *operations, const struct operations_query *query,
	cJSON **ret, struct fault *fault);

/*
 * Cancels it on whichever daemon it runs: ERR_FORBIDDEN unless `who` began it or has `operate`,
 * ERR_CONFLICT where it has ended, ERR_UNKNOWN_OPERATION. *ret as operations_find(). Parks.
 */
enum error operations_cancel(struct operations *operations, struct slice id,
	const struct identity *who, cJSON **ret, struct fault *fault);

/* Calls `look` for each of this process that has not ended, the newest first; it may not park. */
void operations_each(const struct operations *operations,
	void (*look)(void *context, const struct operation *operation), void *context);
/* How many of this process are not ended. */
size_t operations_active(const struct operations *operations, const char *kind);
/* New ones are refused, running ones cancelled; waits for them. Parks. */
void operations_stop(struct operations *operations, int64_t deadline);

#endif
