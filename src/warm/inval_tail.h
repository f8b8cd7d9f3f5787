/* SPDX-License-Identifier: MIT */
/*
 * The tail of the invalidation log: what was invalidated since a run began to read its source, and
 * so must not be stored from what it read.
 *
 *	begin (before the source is opened) -> add_read (to each batch) -> take_reply -> check
 *
 * Each read continues where the one before ended. What they return is kept, because a row may have
 * been read long before it is stored.
 */
#ifndef CW_WARM_INVAL_TAIL_H
#define CW_WARM_INVAL_TAIL_H

#include "cache/inval_log.h"

/* With more keys and patterns than this everything counts as stale. */
enum { INVAL_TAIL_MAX_NAMES = 200000 };

struct inval_tail {
	struct cache *cache;
	struct inval_place last;
	struct inval_since *since; /* NULL = no invalidation yet */
};

/* One read of the log that is in a batch. */
struct inval_tail_question {
	char id[INVAL_ID_BYTES];
	size_t index; /* of its reply in the batch */
};

/* Notes where the log ends now. Call inval_tail_release() also after an error. Parks. */
enum error inval_tail_begin(struct inval_tail *tail, struct cache *cache, struct fault *fault);
void inval_tail_release(struct inval_tail *tail);
/* Adds a read of the log to a batch, after the commands that it is to judge. */
void inval_tail_add_read(const struct inval_tail *tail, struct redis_batch *batch,
	struct inval_tail_question *question);
/*
 * Takes the reply, which may be NULL. False if it cannot be used (no reply, a trimmed log, too many
 * names): whatever was stored before the read may be stale.
 */
bool inval_tail_take_reply(struct inval_tail *tail, const struct inval_tail_question *question,
	const struct redis_value *reply);
bool inval_tail_empty(const struct inval_tail *tail);
/* Whether the key or one of the tags was invalidated. As inval_since_check(). */
enum error inval_tail_check(const struct inval_tail *tail, struct slice key,
	const struct slice *tags, size_t tag_count, bool *ret);

#endif
