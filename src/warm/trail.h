/* SPDX-License-Identifier: MIT */
/*
 * What the invalidation log has said since a run began to read its source: the keys that must not
 * be stored from what it read.
 *
 *	begin (before the source is opened) -> ask (in each batch) -> hear (its reply) -> matches
 *
 * Each question goes on from the newest answer. Every so often one goes back to the beginning, and
 * its answer stands for all before it: memory stays bounded by the log's own length.
 */
#ifndef CW_WARM_TRAIL_H
#define CW_WARM_TRAIL_H

#include "cache/log.h"

enum { TRAIL_PARTS = 16 };

struct trail_part {
	struct inval_since *since;
	uint64_t from; /* the number of the answer after which it begins, 0 = the beginning */
};

struct trail {
	struct cw *cw;
	char start[INVAL_ID_BYTES], last[INVAL_ID_BYTES];
	uint64_t answers;
	struct trail_part parts[TRAIL_PARTS];
	size_t count;
};

struct trail_question {
	char id[INVAL_ID_BYTES];
	uint64_t from;
	size_t index; /* of its reply in the batch */
};

/* Notes where the log ends now. Release what it holds with trail_release() in any case. Parks. */
enum error trail_begin(struct trail *trail, struct cw *cw, struct fault *fault);
void trail_release(struct trail *trail);
/* Adds the question to a batch, behind what it is about. */
void trail_ask(struct trail *trail, struct redis_batch *batch, struct trail_question *question);
/* False where the answer cannot be used: what was stored before the question may be stale. */
bool trail_hear(struct trail *trail, const struct trail_question *question,
	const struct redis_value *reply);
bool trail_empty(const struct trail *trail);
bool trail_matches(const struct trail *trail, struct slice key);

#endif
