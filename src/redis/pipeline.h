/* SPDX-License-Identifier: MIT */
/*
 * A pipeline: encoded commands on a connection, with a slot for each reply.
 *
 *	batch (the caller's) <-> pipeline (heap) <- conn's queue
 *
 * The batch may let go of its pipeline at any time: a pipeline without a batch is freed once its
 * replies have come. The connection lets go of it only with the outcome.
 */
#ifndef CW_REDIS_PIPELINE_H
#define CW_REDIS_PIPELINE_H

#include "redis/batch.h"
#include "redis/commands.h"

struct pipeline_slot {
	size_t end; /* where its bytes end */
	struct redis_value *reply;
	enum error error; /* why there is no reply */
	enum redis_command command;
	uint32_t keys; /* its arguments */
};

/* A node's own commands. */
enum probe { PROBE_NONE, PROBE_PING, PROBE_KIND, PROBE_FIRST_CHECK, PROBE_CHECK, PROBE_AUTH };

struct pipeline {
	struct redis_batch *batch; /* that waits for it; NULL = none */
	struct buf bytes;
	struct pipeline_slot *slots;
	size_t count, cap, answered;
	struct fault *fault; /* of the first slot without a reply */
	int64_t started_ns, took_us;
	struct commands_tally own; /* the node's count of own lookups at its last reply */
	enum probe probe;	   /* its outcome is read by the node only */

	/* Called at its end instead of telling the batch; whoever set it tells later. */
	void (*ended)(struct pipeline *pipeline);
	void *context; /* of the above */

	/* The connection's. */
	struct pipeline *next;
	bool sent;
	uint64_t stream_at; /* offset of its first byte in all that was sent */
	int64_t deadline_ms;
};

struct pipeline *pipeline_new(void);
void pipeline_free(struct pipeline *pipeline); /* may be NULL */
size_t pipeline_add(struct pipeline *pipeline, size_t argc, const struct slice *argv);
/* Adds command i of another one. */
void pipeline_copy(struct pipeline *to, const struct pipeline *from, size_t i);
/* As redis_batch_words(). */
size_t pipeline_words(const struct pipeline *pipeline, size_t i, struct slice *ret, size_t most);
/* The pipeline of a batch that is not in flight. */
struct pipeline *redis_batch_pipeline(struct redis_batch *batch);
void redis_batch_copy(struct redis_batch *batch, const struct pipeline *from, size_t i);
/* Why command i has no reply. */
enum error redis_batch_failure(const struct redis_batch *batch, size_t i);

/* Takes the batch's pipeline for a connection; pipeline_answer or pipeline_fail complete it. */
struct pipeline *redis_batch_begin(struct redis_batch *batch);
/* The next slot's outcome: a reply, or NULL and the fault. True if it was the last. */
bool pipeline_answer(
	struct pipeline *pipeline, struct redis_value *reply, const struct fault *fault);
/* Adds the own lookups that the reply shows; the reply to EXEC those of its transaction. */
void pipeline_tally(const struct pipeline *pipeline, const struct pipeline_slot *slot,
	const struct redis_value *reply, struct commands_tally *tally);
/* All slots have their outcome: wakes the batch, or frees the pipeline. */
void redis_batch_end(struct pipeline *pipeline);
/* Gives the fault to all remaining slots, then ends the pipeline. */
void pipeline_fail(struct pipeline *pipeline, const struct fault *fault);

#endif
