/* SPDX-License-Identifier: MIT */
/*
 * Removing or softening keys, for everything that invalidates: exact names, members of tags, names
 * that a pass finds or holds.
 *
 *	names -> UNLINK of up to `most` names, or one script that softens a name, or one that
 *changes the TTLs of many -> batch, notes replies -> how many keys were there, were removed, were
 *softened; metrics
 *
 * Where the server does not know UNLINK, or denies it, DEL is sent (store_unlink()).
 */
#ifndef CW_INVALIDATE_REMOVAL_H
#define CW_INVALIDATE_REMOVAL_H

#include "cache/ttl_change.h"

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
 * Changes the key's TTL; what was changed counts as softened. `change` must live until
 * removal_end(). Those that watch the key see it if it is spread.
 */
void removal_change(
	struct removal *removal, struct slice name, uint64_t mask, struct ttl_change *change);
/* Completes the last command and frees the removal; batch and notes stay. */
void removal_end(struct removal *removal);

size_t removal_count(const struct buf *notes);
struct removal_note removal_note(const struct buf *notes, size_t i);

/* What one command did. */
struct removal_counts {
	uint64_t matched;	    /* keys that were there */
	uint64_t removed, softened; /* or changed */
};
typedef void removal_done(
	void *context, const struct removal_note *note, const struct removal_counts *counts);
/*
 * Gives what each command did to `done`, and adds it to the metrics. Every reply counts, also those
 * before the one that failed or before the connection broke. Returns the first error reply.
 */
enum error removal_take(struct cache *cache, const struct redis_batch *batch,
	const struct buf *notes, removal_done *done, void *context, struct fault *fault);

/*
 * Whether the server refused `command`, which was store_unlink() when the commands were sent,
 * and takes DEL instead: what was refused can be sent again.
 */
bool removal_refused(const struct cache *cache, struct slice command);

#endif
