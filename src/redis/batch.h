/* SPDX-License-Identifier: MIT */
/*
 * A batch: commands that are sent together, and their replies.
 *
 *	new -> add, add, ... -> started (node or store) -> wait -> replies read -> free
 *
 * With two batches in flight, one is filled while Redis answers the other. A batch may be freed at
 * any time; replies that come later are dropped.
 */
#ifndef CW_REDIS_BATCH_H
#define CW_REDIS_BATCH_H

#include "base/fiber.h"
#include "redis/value.h"

struct redis_batch;

struct redis_batch *redis_batch_new(void);
void redis_batch_free(struct redis_batch *batch); /* may be NULL */
/* Empties it for the next round; it must not be in flight. Keeps its memory. */
void redis_batch_clear(struct redis_batch *batch);

/* Encodes one command at the end; the bytes are copied. Returns its index. */
size_t redis_batch_add(struct redis_batch *batch, size_t argc, const struct slice *argv);
#define REDIS_ADD(batch, ...) \
	redis_batch_add(batch, sizeof((struct slice[]){__VA_ARGS__}) / sizeof(struct slice), \
		(struct slice[]){__VA_ARGS__})
size_t redis_batch_count(const struct redis_batch *batch);
size_t redis_batch_bytes(const struct redis_batch *batch);
/* How many words command i has, and views of the first `most` of them, valid until the batch
 * changes. */
size_t redis_batch_words(const struct redis_batch *batch, size_t i, struct slice *ret, size_t most);

/*
 * Waits until every command has a reply or has failed. OK: each has a reply, which may be an error
 * reply; else the error of the first that has none. On ERR_TIMEOUT of `deadline` and on
 * ERR_CANCELLED the batch is detached: its outcome is unknown. Parks.
 */
enum error redis_batch_wait(struct redis_batch *batch, int64_t deadline, struct fault *fault);
bool redis_batch_done(const struct redis_batch *batch);
/* NULL if command i got no reply. Belongs to the batch. */
const struct redis_value *redis_batch_reply(const struct redis_batch *batch, size_t i);
/* The same, owned by the caller from now on. */
struct redis_value *redis_batch_take(struct redis_batch *batch, size_t i);
/* From the start to the last reply, microseconds; 0 before that. */
int64_t redis_batch_took_us(const struct redis_batch *batch);

/*
 * The node's counts of cachewarden's own lookups (redis_state) when the batch's last reply came: so
 * many of them are in the counters of an INFO in the batch.
 */
void redis_batch_own_lookups(
	const struct redis_batch *batch, int64_t *ret_hits, int64_t *ret_misses);

#endif
