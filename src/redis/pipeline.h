/* SPDX-License-Identifier: MIT */
/*
 * A pipeline: encoded commands under way on a connection, with a slot for each reply.
 *
 *	batch (its owner's face) <-> pipeline (heap) <- conn's queue
 *
 * The batch and the connection let go of each other at any time: a pipeline without a batch goes on
 * until its replies came and dies then; a batch whose pipeline was lost gets the outcome first.
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
	uint32_t keys; /* or whatever its arguments are */
};

/* What the node itself asks for. */
enum probe { PROBE_NONE, PROBE_PING, PROBE_KIND, PROBE_FIRST_LOOK, PROBE_LOOK, PROBE_AUTH };

struct pipeline {
	struct redis_batch *batch; /* whom to tell; NULL = nobody */
	struct buf bytes;
	struct pipeline_slot *slots;
	size_t count, cap, answered;
	struct fault *fault; /* of the first slot without a reply */
	int64_t started_ns, took_us;
	struct commands_tally own; /* the node's count of our own lookups at its last reply */
	enum probe probe;	   /* whose outcome only the node reads */

	/* The connection's. */
	struct pipeline *next;
	bool sent;
	uint64_t stream_at; /* its first byte's place in all that was ever sent */
	int64_t deadline_ms;
};

struct pipeline *pipeline_new(void);
void pipeline_free(struct pipeline *pipeline); /* NULL is welcome */
size_t pipeline_add(struct pipeline *pipeline, size_t argc, const struct slice *argv);

/* Hands the batch's pipeline to a connection; in the end pipeline_answer or pipeline_fail finish
 * it. */
struct pipeline *redis_batch_begin(struct redis_batch *batch);
/* The next slot's outcome: a reply, or none and why. True where it was the last. */
bool pipeline_answer(
	struct pipeline *pipeline, struct redis_value *reply, const struct fault *fault);
/* Adds what the reply says of our own lookups; that of EXEC those of its transaction. */
void pipeline_tally(const struct pipeline *pipeline, const struct pipeline_slot *slot,
	const struct redis_value *reply, struct commands_tally *tally);
/* All slots have their outcome: tells the batch, or dies. */
void redis_batch_end(struct pipeline *pipeline);
/* Every slot that is left gets the fault; then it lands. */
void pipeline_fail(struct pipeline *pipeline, const struct fault *fault);

#endif
