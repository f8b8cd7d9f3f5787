/* SPDX-License-Identifier: MIT */
/* Shared by operation*.c only. */
#ifndef CW_OPERATION_OPERATION_INTERNAL_H
#define CW_OPERATION_OPERATION_INTERNAL_H

#include "operation/operation.h"
#include "text/trace.h"

enum { operation_kinds_max = 8 };

struct operation {
	unsigned references;
	struct operations *owner;
	struct operation *next, *prev; /* among the active, newest first */
	char id[OPERATION_ID_BYTES + 1];
	const struct operation_kind *kind;
	char *subject, *by, *note;	   /* NULL = none */
	char trace_id[TRACE_ID_BYTES + 1]; /* "" = none */
	char cause[FIBER_ID_BYTES + 1];
	bool sweeps, dry_run;
	operation_function *run;
	void *context;
	void (*free_context)(void *context);
	enum operation_state state;
	bool timed_out;
	bool progressed; /* since its record was written */
	bool recording;	 /* its first record is on its way, over slots */
	enum operation_phase phase;
	uint64_t done, total;
	operation_so_far *so_far; /* NULL = none */
	const void *so_far_context;
	int64_t started_wall_ms, finished_wall_ms;
	int64_t started_mono_ms, finished_mono_ms, deadline;
	int64_t told_mono_ms, tell_every_ms; /* EVENT_OPERATION_PROGRESS: the last, the next */
	bool told_waiting;		     /* what was told last */
	int64_t turned_mono_ms;		     /* when that changed; 0 = never */
	int64_t turn_every_ms;
	struct fault fault;
	struct fault waits;  /* operation_waits(); its error is 0 while it does not wait */
	void *result;	     /* of its kind; NULL = none */
	struct fiber *fiber; /* NULL before and after it runs */
	struct fiber_cond ended;
};

/* An ended operation, as the text of its record. */
struct operation_past {
	struct operation_past *older, *newer;
	char id[OPERATION_ID_BYTES + 1];
	bool unsaved; /* the record is not in Redis yet */
	size_t n;
	char text[];
};

struct kind_count {
	const char *kind;
	size_t queued, running;
};

struct operations {
	struct cache *cache;
	struct fiber_group group;
	struct operation *active;
	size_t active_count;
	struct operation_past *newest, *oldest;
	size_t past_count, past_bytes;
	struct fiber *keeper;
	bool beating; /* the keeper's commands are on their way */
	struct fiber_cond recorded;
	int64_t beat_mono_ms;	/* when cw:daemon:<instance> was last renewed */
	operation_guard *guard; /* NULL = none */
	void *guard_context;
	bool stopping;
	struct kind_count kinds[operation_kinds_max];
};

/* Appends the operation's record as it is stored in Redis: with the instance, long results cut. */
void operation_record_write(struct operation *operation, struct buf *out);
/* Reads it; false where the text is not a record. */
bool operation_record_read(struct slice text, struct operation_view *ret);
/* Adds the SET of one record. */
void operation_store_record(struct operations *operations, struct redis_batch *batch,
	const char *id, struct slice text);
/* Adds the ZADD that puts it into the list of all. */
void operation_store_listing(
	struct operations *operations, struct redis_batch *batch, const char *id);
/* When the operation with this id was started. At least 12 bytes are read. */
int64_t operation_id_wall_ms(const char *id);
/* Adds the SET that tells other daemons that this process lives. */
void operation_store_beat(struct operations *operations, struct redis_batch *batch);
/* Sends what is written when the operation starts; does not wait. */
void operation_store_begin(struct operation *operation);
/*
 * What is written at the operation's end, for operation_store_finish(). On one server it is sent at
 * once, behind the operation's own commands; NULL where Redis takes no commands now. Over slots it
 * is not sent yet. Does not wait.
 */
struct redis_batch *operation_store_prepare(struct operation *operation, struct slice text);
/*
 * Waits until that is written, or is known not to be. Over slots it is sent here, once no earlier
 * record of the operation is on its way. Parks.
 */
enum error operation_store_finish(
	struct operation *operation, struct redis_batch *batch, int64_t deadline);

/* Keeps an ended operation's record as the newest, and drops the oldest beyond the limits. */
void operation_past_add(struct operations *operations, const char *id, struct slice text);
struct operation_past *operation_past_find(struct operations *operations, struct slice id);
void operation_past_free_all(struct operations *operations);

/* NULL where none of this process that has not ended has this id. */
struct operation *operation_find_active(struct operations *operations, struct slice id);
bool operation_state_ended(enum operation_state state);
const char *operation_phase_text(enum operation_phase phase);

/* Starts the keeper, or makes a running one look at the deadlines again. */
void operation_keeper_wake(struct operations *operations);

/* One of this process, ended or not; false where it knows none with this id. */
bool operation_store_own(
	struct operations *operations, struct slice id, struct operation_view *ret);
/*
 * The record that came from Redis: INTERRUPTED where it has not ended and the process that runs it
 * shows no sign of life. False where it is not a record. Parks.
 */
bool operation_store_view(
	struct operations *operations, struct slice text, struct operation_view *ret);

#endif
