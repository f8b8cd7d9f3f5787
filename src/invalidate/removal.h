/* SPDX-License-Identifier: MIT */
/*
 * Removing or softening keys, for everything that invalidates: exact names, members of tags, names
 * that a pass finds or holds.
 *
 *	names   -> UNLINK of up to `most` names, or a script that softens one, or a script that
 *	           changes the TTLs of many -> batch, notes
 *	replies -> how many keys were there, were removed, were modified; metrics
 *
 * Where the server does not know UNLINK, or denies it, DEL is sent (store_unlink()).
 */
#ifndef CW_INVALIDATE_REMOVAL_H
#define CW_INVALIDATE_REMOVAL_H

#include "cache/ttl_change.h"

/* What is done to the keys. Zeroed: they are removed. */
struct removal_effect {
	bool soft; /* softened, where the key's namespace has stale_for (cache/soft_purge.h) */
	struct ttl_change *change; /* instead: their TTLs are changed, or counted; NULL = not */
};
/* Whether the keys stay in Redis, so that whatever looks for them again meets them again. */
static inline bool removal_leaves_keys(const struct removal_effect *effect)
{
	return effect->soft || effect->change;
}
/* Whether nothing is done, and it is only counted which TTLs would be changed. */
static inline bool removal_only_looks(const struct removal_effect *effect)
{
	return effect->change && effect->change->look;
}

/* What one command of the batch is about. */
struct removal_note {
	uint64_t mask;	       /* the caller's; names share a command only if it is the same */
	uint32_t first, count; /* its names, numbered in the order in which they were added */
	enum { REMOVAL_UNLINK, REMOVAL_SOFT, REMOVAL_CHANGE } kind;
};

struct removal;

/*
 * Adds commands to `batch` and a struct removal_note for each of them to `notes`, which are both
 * empty. `most`: names of one command.
 */
struct removal *removal_new(
	struct cache *cache, struct redis_batch *batch, struct buf *notes, size_t most);
/*
 * stale_for_ms > 0 softens the key, 0 removes it. Those that watch the key (cache/key_watch.h) see
 * it. The name must live until removal_end().
 */
void removal_add(struct removal *removal, struct slice name, uint64_t mask, int64_t stale_for_ms);
/*
 * Changes the key's TTL. `change` must live until
 * removal_end(). Those that watch the key see it if it is spread.
 */
void removal_change(
	struct removal *removal, struct slice name, uint64_t mask, struct ttl_change *change);
/* One of these two, or UNLINK, as the effect says. */
void removal_add_effect(struct removal *removal, struct slice name, uint64_t mask,
	const struct removal_effect *effect);
/* Completes the last command and frees the removal; batch and notes stay. */
void removal_end(struct removal *removal);

size_t removal_count(const struct buf *notes);
struct removal_note removal_note(const struct buf *notes, size_t i);

/* What one command did. */
struct removal_counts {
	uint64_t matched; /* keys that were there */
	uint64_t removed;
	uint64_t instead;  /* of those: to be softened, but Redis had no memory for the mark */
	uint64_t modified; /* softened, or their TTLs changed, or would be */
	const struct redis_value *reply;
};
/*
 * How many keys the selectors count as invalidated: those that are gone, and those whose TTL was
 * changed where that was asked for itself (POST /expire).
 */
uint64_t removal_invalidated(
	const struct removal_effect *effect, const struct removal_counts *counts);
typedef void removal_done(
	void *context, const struct removal_note *note, const struct removal_counts *counts);
/*
 * Gives what each command did to `done`, and adds it to the metrics. Every reply counts, also those
 * before the one that failed or before the connection broke. Returns the first error reply.
 */
enum error removal_take(struct cache *cache, const struct redis_batch *batch,
	const struct buf *notes, removal_done *done, void *context, struct fault *fault);

/*
 * Whether the work that ended with `error` is to be done once more: the server refused UNLINK, and
 * DEL is sent from now on. *command is store_unlink() of when the work began, then that of now.
 *
 *	do error = work(); while (removal_try_again(cache, error, &command));
 */
bool removal_try_again(const struct cache *cache, enum error error, struct slice *command);

#endif
