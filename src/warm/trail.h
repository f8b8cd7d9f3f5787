/* SPDX-License-Identifier: MIT */
/*
 * What the invalidation log has said since a run began to read its source: the keys that must not
 * be stored from what it read.
 *
 *	begin (before the source is opened) -> ask (in each batch) -> hear (its reply) -> matches
 *
 * Each question goes on from the newest answer; answers are added up, for a row may have been read
 * long before it is stored.
 */
#ifndef CW_WARM_TRAIL_H
#define CW_WARM_TRAIL_H

#include "cache/inval_log.h"

/* More keys and patterns than that are not remembered: then all counts as stale. */
enum { TRAIL_MAX_NAMES = 200000 };

struct trail {
	struct cache *cache;
	char last[INVAL_ID_BYTES];
	struct inval_since *said; /* NULL = nothing yet */
};

struct trail_question {
	char id[INVAL_ID_BYTES];
	size_t index; /* of its reply in the batch */
};

/* Notes where the log ends now. Release what it holds with trail_release() in any case. Parks. */
enum error trail_begin(struct trail *trail, struct cache *cache, struct fault *fault);
void trail_release(struct trail *trail);
/* Adds the question to a batch, behind what it is about. */
void trail_ask(
	const struct trail *trail, struct redis_batch *batch, struct trail_question *question);
/* False where the answer cannot be used: what was stored before the question may be stale. */
bool trail_hear(struct trail *trail, const struct trail_question *question,
	const struct redis_value *reply);
bool trail_empty(const struct trail *trail);
/* Whether the key or one of the tags was named. Parks as inval_since_matches(). */
bool trail_matches(
	const struct trail *trail, struct slice key, const struct slice *tags, size_t tag_count);

#endif
