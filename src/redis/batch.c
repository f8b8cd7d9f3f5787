/* SPDX-License-Identifier: MIT */
/* The batch: the owner's side of a pipeline; see batch.h. */
#include "redis/batch.h"

#include <assert.h>

#include "base/mem.h"
#include "redis/pipeline.h"

struct redis_batch {
	struct pipeline *pipeline;
	struct fiber *waiter;
	bool in_flight;
	bool done;
};

struct redis_batch *redis_batch_new(void)
{
	struct redis_batch *batch = mem_new(struct redis_batch);

	batch->pipeline = pipeline_new();
	return batch;
}

/* The connection keeps the pipeline until its replies have come, which are dropped. */
static void let_go(struct redis_batch *batch)
{
	if (batch->in_flight)
		batch->pipeline->batch = NULL;
	else
		pipeline_free(batch->pipeline);
	batch->pipeline = NULL;
	batch->in_flight = false;
}

void redis_batch_free(struct redis_batch *batch)
{
	if (!batch)
		return;
	let_go(batch);
	mem_free(batch);
}

void redis_batch_clear(struct redis_batch *batch)
{
	struct pipeline *pipeline = batch->pipeline;

	assert(!batch->in_flight);
	for (size_t i = 0; i < pipeline->count; i++)
		redis_value_free(pipeline->slots[i].reply);
	mem_free(pipeline->fault);
	buf_clear(&pipeline->bytes);
	*pipeline = (struct pipeline){
		.bytes = pipeline->bytes, .slots = pipeline->slots, .cap = pipeline->cap};
	batch->done = false;
}

size_t redis_batch_add(struct redis_batch *batch, size_t argc, const struct slice *argv)
{
	assert(!batch->in_flight && !batch->done);
	return pipeline_add(batch->pipeline, argc, argv);
}

size_t redis_batch_count(const struct redis_batch *batch)
{
	return batch->pipeline->count;
}

size_t redis_batch_bytes(const struct redis_batch *batch)
{
	return batch->pipeline->bytes.n;
}

size_t redis_batch_words(const struct redis_batch *batch, size_t i, struct slice *ret, size_t most)
{
	return pipeline_words(batch->pipeline, i, ret, most);
}

struct pipeline *redis_batch_pipeline(struct redis_batch *batch)
{
	assert(!batch->in_flight);
	return batch->pipeline;
}

void redis_batch_copy(struct redis_batch *batch, const struct pipeline *from, size_t i)
{
	assert(!batch->in_flight && !batch->done);
	pipeline_copy(batch->pipeline, from, i);
}

enum error redis_batch_failure(const struct redis_batch *batch, size_t i)
{
	return batch->pipeline->slots[i].error;
}

struct pipeline *redis_batch_begin(struct redis_batch *batch)
{
	struct pipeline *pipeline = batch->pipeline;

	assert(!batch->in_flight && !batch->done);
	batch->in_flight = true;
	pipeline->batch = batch;
	pipeline->started_ns = clock_mono_ns();
	return pipeline;
}

void redis_batch_end(struct pipeline *pipeline)
{
	struct redis_batch *batch = pipeline->batch;

	if (pipeline->ended) {
		void (*ended)(struct pipeline * pipeline) = pipeline->ended;

		pipeline->ended = NULL;
		ended(pipeline);
		return;
	}
	if (!batch) {
		pipeline_free(pipeline);
		return;
	}
	pipeline->took_us = (clock_mono_ns() - pipeline->started_ns) / 1000;
	pipeline->batch = NULL;
	batch->in_flight = false;
	batch->done = true;
	if (batch->waiter)
		fiber_wake(batch->waiter);
}

/* Replaces the pipeline that was let go: the same number of commands, without replies. */
static void detach(struct redis_batch *batch)
{
	size_t count = batch->pipeline->count;

	let_go(batch);
	batch->pipeline = pipeline_new();
	batch->pipeline->slots = mem_array(count, sizeof *batch->pipeline->slots);
	batch->pipeline->count = batch->pipeline->cap = count;
	batch->done = true;
}

static enum error verdict(const struct pipeline *pipeline, struct fault *fault)
{
	if (!pipeline->fault)
		return OK;
	if (fault)
		*fault = *pipeline->fault;
	return pipeline->fault->error;
}

enum error redis_batch_wait(struct redis_batch *batch, int64_t deadline, struct fault *fault)
{
	assert(batch->in_flight || batch->done);
	while (!batch->done) {
		batch->waiter = fiber_current();
		enum error error = fiber_park("replies of Redis", deadline);

		batch->waiter = NULL;
		if (error && !batch->done) {
			detach(batch);
			return fault_set(fault, error,
				error == ERR_TIMEOUT
					? "Redis did not answer in time; the outcome of the "
					  "command is unknown"
					: "cancelled while waiting for Redis's reply");
		}
	}
	return verdict(batch->pipeline, fault);
}

bool redis_batch_done(const struct redis_batch *batch)
{
	return batch->done;
}

const struct redis_value *redis_batch_reply(const struct redis_batch *batch, size_t i)
{
	assert(i < batch->pipeline->count);
	return batch->pipeline->slots[i].reply;
}

struct redis_value *redis_batch_take(struct redis_batch *batch, size_t i)
{
	assert(i < batch->pipeline->count);
	struct redis_value *reply = batch->pipeline->slots[i].reply;

	batch->pipeline->slots[i].reply = NULL;
	return reply;
}

int64_t redis_batch_took_us(const struct redis_batch *batch)
{
	return batch->done ? batch->pipeline->took_us : 0;
}

void redis_batch_own_lookups(
	const struct redis_batch *batch, int64_t *ret_hits, int64_t *ret_misses)
{
	*ret_hits = batch->pipeline->own.hits;
	*ret_misses = batch->pipeline->own.misses;
}
