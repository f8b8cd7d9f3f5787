/* SPDX-License-Identifier: MIT */
/* The batch: the owner's side of a flight; see batch.h. */
#include "redis/batch.h"

#include <assert.h>

#include "base/mem.h"
#include "redis/flight.h"

struct redis_batch {
	struct flight *flight;
	struct fiber *waiter;
	bool in_flight;
	bool done;
};

struct redis_batch *redis_batch_new(void)
{
	struct redis_batch *batch = mem_new(struct redis_batch);

	batch->flight = flight_new();
	return batch;
}

/* The connection keeps the flight until its replies came; nobody will look at them. */
static void let_go(struct redis_batch *batch)
{
	if (batch->in_flight)
		batch->flight->batch = NULL;
	else
		flight_free(batch->flight);
	batch->flight = NULL;
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
	struct flight *flight = batch->flight;

	assert(!batch->in_flight);
	for (size_t i = 0; i < flight->count; i++)
		redis_value_free(flight->slots[i].reply);
	mem_free(flight->fault);
	buf_clear(&flight->bytes);
	*flight =
		(struct flight){.bytes = flight->bytes, .slots = flight->slots, .cap = flight->cap};
	batch->done = false;
}

size_t redis_batch_add(struct redis_batch *batch, size_t argc, const struct slice *argv)
{
	assert(!batch->in_flight && !batch->done);
	return flight_add(batch->flight, argc, argv);
}

size_t redis_batch_count(const struct redis_batch *batch)
{
	return batch->flight->count;
}

size_t redis_batch_bytes(const struct redis_batch *batch)
{
	return batch->flight->bytes.n;
}

/* Reads the number behind '*' or '$' and its line's end. */
static size_t take_number(const char **at)
{
	size_t n = 0;

	for (++*at; **at != '\r'; ++*at)
		n = 10 * n + (size_t)(**at - '0');
	*at += 2;
	return n;
}

size_t redis_batch_words(const struct redis_batch *batch, size_t i, struct slice *ret, size_t most)
{
	const struct flight *flight = batch->flight;

	assert(i < flight->count && flight->slots[i].end <= flight->bytes.n);
	const char *at = flight->bytes.p + (i ? flight->slots[i - 1].end : 0);
	size_t count = take_number(&at);

	for (size_t word = 0; word < count && word < most; word++) {
		size_t n = take_number(&at);

		ret[word] = slice_of(at, n);
		at += n + 2;
	}
	return count;
}

struct flight *flight_depart(struct redis_batch *batch)
{
	struct flight *flight = batch->flight;

	assert(!batch->in_flight && !batch->done);
	batch->in_flight = true;
	flight->batch = batch;
	flight->started_ns = clock_mono_ns();
	return flight;
}

void flight_land(struct flight *flight)
{
	struct redis_batch *batch = flight->batch;

	if (!batch) {
		flight_free(flight);
		return;
	}
	flight->took_us = (clock_mono_ns() - flight->started_ns) / 1000;
	flight->batch = NULL;
	batch->in_flight = false;
	batch->done = true;
	if (batch->waiter)
		fiber_wake(batch->waiter);
}

/* In place of the flight that was let go: as many commands, none of them answered. */
static void detach(struct redis_batch *batch)
{
	size_t count = batch->flight->count;

	let_go(batch);
	batch->flight = flight_new();
	batch->flight->slots = mem_array(count, sizeof *batch->flight->slots);
	batch->flight->count = batch->flight->cap = count;
	batch->done = true;
}

static enum error verdict(const struct flight *flight, struct fault *fault)
{
	if (!flight->fault)
		return OK;
	if (fault)
		*fault = *flight->fault;
	return flight->fault->error;
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
					? "Redis did not answer in time; what it did with "
					  "the command is not known"
					: "cancelled while Redis had the command");
		}
	}
	return verdict(batch->flight, fault);
}

bool redis_batch_done(const struct redis_batch *batch)
{
	return batch->done;
}

const struct redis_value *redis_batch_reply(const struct redis_batch *batch, size_t i)
{
	assert(i < batch->flight->count);
	return batch->flight->slots[i].reply;
}

struct redis_value *redis_batch_take(struct redis_batch *batch, size_t i)
{
	assert(i < batch->flight->count);
	struct redis_value *reply = batch->flight->slots[i].reply;

	batch->flight->slots[i].reply = NULL;
	return reply;
}

int64_t redis_batch_took_us(const struct redis_batch *batch)
{
	return batch->done ? batch->flight->took_us : 0;
}

void redis_batch_own_lookups(
	const struct redis_batch *batch, int64_t *ret_hits, int64_t *ret_misses)
{
	*ret_hits = batch->flight->own.hits;
	*ret_misses = batch->flight->own.misses;
}
