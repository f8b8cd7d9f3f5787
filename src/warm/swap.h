/* SPDX-License-Identifier: MIT */
/*
 * Mode swap: what a complete run has not stored, but an earlier one has, is invalidated.
 *
 *	cw:swap:<job>   a ZSET: a member for each key that the job stored, its score the number
 *	                of the last run that did
 *
 *	begin: a number above all scores -> mark keys, before they are stored -> the run completes
 *	       -> members with a lower score: log, UNLINK, then ZREM
 *
 * A run that ends early removes nothing: the next one that completes does. A key is marked before
 * it is stored, so that whatever is stored is found later; and a mark is removed after its key, so
 * that what a crash leaves is removed by the next run. A score is never lowered: keys of the last
 * complete run have its number, or that of a later run, and are not removed.
 *
 * Special: keys are read page by page, so that memory is bounded whatever their number.
 */
#ifndef CW_WARM_SWAP_H
#define CW_WARM_SWAP_H

#include "cache/cache.h"
#include "cache/guard.h"

struct swap {
	struct cache *cache;
	struct buf set;
	char number[SLICE_INT_ROOM];
};

/* Gives the run its number. Call swap_release() also after an error. Parks. */
enum error swap_begin(
	struct swap *swap, struct cache *cache, struct slice job, struct fault *fault);
void swap_release(struct swap *swap);
/* Adds the one command that marks keys. */
void swap_mark(
	const struct swap *swap, struct redis_batch *batch, const struct slice *keys, size_t count);
/*
 * The run has completed: invalidates what it did not mark, as long as `may_continue` returns OK.
 * *ret_removed counts keys that were there, also after an error. Parks.
 */
struct swap_end {
	const struct guard *guard; /* keys that it does not allow stay, and are forgotten */
	enum error (*may_continue)(void *context, struct fault *fault);
	void *context;
};
enum error swap_end(const struct swap *swap, const struct swap_end *end, uint64_t *ret_removed,
	struct fault *fault);

#endif
