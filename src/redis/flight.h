/* SPDX-License-Identifier: MIT */
/*
 * A flight: encoded commands under way on a connection, with a slot for each reply.
 *
 *	batch (its owner's face) <-> flight (heap) <- conn's queue
 *
 * The batch and the connection let go of each other at any time: a flight without a batch goes on
 * until its replies came and dies then; a batch whose flight was lost gets the outcome first.
 */
#ifndef CW_REDIS_FLIGHT_H
#define CW_REDIS_FLIGHT_H

#include "redis/batch.h"
#include "redis/bounds.h"
#include "redis/lookup.h"

struct flight_slot {
	size_t end; /* where its bytes end */
	struct redis_value *reply;
	enum error error; /* why there is no reply */
	uint32_t keys;
	enum lookup lookup;
	struct bounds bounds; /* of the reply, where it is a number */
};

/* What the node itself asks for. */
enum probe { PROBE_NONE, PROBE_PING, PROBE_KIND, PROBE_FIRST_LOOK, PROBE_LOOK, PROBE_AUTH };

struct flight {
	struct redis_batch *batch; /* whom to tell; NULL = nobody */
	struct buf bytes;
	struct flight_slot *slots;
	size_t count, cap, answered;
	struct fault *fault; /* of the first slot without a reply */
	int64_t started_ns, took_us;
	struct lookup_tally own; /* the node's count of our own lookups at its last reply */
	enum probe probe;	 /* whose outcome only the node reads */

	/* The connection's. */
	struct flight *next;
	bool sent;
	uint64_t stream_at; /* its first byte's place in all that was ever sent */
	int64_t deadline_ms;
};

struct flight *flight_new(void);
void flight_free(struct flight *flight); /* NULL is welcome */
size_t flight_add(struct flight *flight, size_t argc, const struct slice *argv);

/* Hands the batch's flight to a connection; in the end flight_answer or flight_fail finish it. */
struct flight *flight_depart(struct redis_batch *batch);
/* The next slot's outcome: a reply, or none and why. True where it was the last. */
bool flight_answer(struct flight *flight, struct redis_value *reply, const struct fault *fault);
/* Adds what the reply says of our own lookups; that of EXEC those of its transaction. */
void flight_tally(const struct flight *flight, const struct flight_slot *slot,
	const struct redis_value *reply, struct lookup_tally *tally);
/* All slots have their outcome: tells the batch, or dies. */
void flight_land(struct flight *flight);
/* Every slot that is left gets the fault; then it lands. */
void flight_fail(struct flight *flight, const struct fault *fault);

#endif
