/* SPDX-License-Identifier: MIT */
/* What the files of operations share; for operation*.c only. */
#ifndef CW_OPERATION_OPERATION_INTERNAL_H
#define CW_OPERATION_OPERATION_INTERNAL_H

#include "operation/operation.h"

enum { operation_kinds_max = 8 };

struct operation {
	unsigned references;
	struct operations *owner;
	struct operation *next, *prev; /* among the active, newest first */
	char id[OPERATION_ID_BYTES + 1];
	const char *kind;
	char *subject, *by, *note; /* NULL = none */
	operation_function *run;
	void *context;
	void (*free_context)(void *context);
	enum operation_state state;
	bool timed_out;
	bool progressed; /* since its record was written */
	const char *phase;
	uint64_t done, total;
	int64_t started_wall_ms, finished_wall_ms;
	int64_t started_mono_ms, finished_mono_ms, deadline;
	struct fault fault;
	cJSON *result;
	struct fiber *fiber; /* NULL before and after it runs */
	struct fiber_cond ended;
};

/* An ended operation, as the text of its record. */
struct past {
	struct past *older, *newer;
	char id[OPERATION_ID_BYTES + 1];
	bool unsaved; /* Redis did not take the record yet */
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
	struct past *newest, *oldest;
	size_t past_count, past_bytes;
	struct fiber *keeper;
	int64_t beat_mono_ms; /* when cw:daemon:<instance> was last renewed */
	bool stopping;
	struct kind_count kinds[operation_kinds_max];
};

/* The operation's record, as text for Redis: its JSON and our instance, long results cut. */
void operation_record(const struct operation *operation, struct buf *out);
/* Adds the SET of one record. */
void operation_store_record(struct operations *operations, struct redis_batch *batch,
	const char *id, struct slice text);
/* Adds the ZADD that puts it into the list of all. */
void operation_store_listing(
	struct operations *operations, struct redis_batch *batch, const char *id);
/* When it began; 0 where the id is none. At least 12 bytes are read. */
int64_t operation_id_wall_ms(const char *id);
/* Adds the SET that keeps this process alive for others. */
void operation_store_beat(struct operations *operations, struct redis_batch *batch);
/* What is written when the operation begins; does not wait. */
void operation_store_begin(struct operation *operation);
/* What is written at its end; NULL where Redis does not take commands now. Does not wait. */
struct redis_batch *operation_store_end(struct operation *operation, struct slice text);

/* Puts an ended operation's record in front of the past, and drops what is too much. */
void past_add(struct operations *operations, const char *id, struct slice text);
struct past *past_find(struct operations *operations, struct slice id);
void past_free_all(struct operations *operations);

struct operation *active_find(struct operations *operations, struct slice id);

/* Begins the keeper where there is none; otherwise it looks at the deadlines again. */
void keeper_wake(struct operations *operations);

/* NULL where `text` is no record. The caller owns it. */
cJSON *record_parse(struct slice text);
/* The instance that wrote it, where its work may still go on; else empty. Belongs to the record. */
struct slice record_unfinished_instance(const cJSON *record);
/* Makes it what callers see: without the instance, INTERRUPTED where it is unfinished and dead. */
void record_finish(cJSON *record, bool alive);
/* Both in one, for a record that came from Redis. Parks. */
cJSON *record_view(struct operations *operations, struct slice text);

#endif
