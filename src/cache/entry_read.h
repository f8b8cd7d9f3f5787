/* SPDX-License-Identifier: MIT */
/* One reading of entries, and its steps: the first (entry_read.c), the others (entry_read_again.c).
 */
#ifndef CW_CACHE_ENTRY_READ_H
#define CW_CACHE_ENTRY_READ_H

#include "cache/entry_internal.h"

/* Of the commands for one key. */
enum { READING_COMMANDS = 3 };
struct reading_replies {
	const struct redis_value *mark, *pttl, *range;
};

struct reading {
	struct cache *cache;
	struct conf *conf;
	const struct slice *keys;
	size_t count;
	const struct entry_room *room; /* NULL = not bounded */
	struct entry *ret;
	int64_t most;	 /* bytes of any stored value */
	int64_t first;	 /* bytes that the first step takes of each */
	struct buf mark; /* a name */
	/* The second step and the third: places in `keys`, and the bound of each. */
	size_t *again;
	int64_t *bounds;
	size_t again_count;
	bool unsettled; /* a value came while an empty one was being asked for again */
};

/* entry_read.c */

/* PTTL of the mark of a soft purge, PTTL, then GETRANGE of one byte more than `bound`. */
void reading_add(struct reading *r, struct redis_batch *batch, struct slice key, int64_t bound);
/* The replies to the i-th reading_add() of a batch that began with them. */
struct reading_replies reading_replies(const struct redis_batch *batch, size_t i);
/* Runs one step's commands; those for many keys go over the bulk connection anyway. Parks. */
enum error reading_run(struct reading *r, enum redis_role role, entry_fill *fill,
	struct redis_batch *batch, struct fault *fault);
/*
 * Entry `at` from its replies. Its text stays where it is: to set entry->reply is the caller's
 * work.
 */
enum error reading_take(
	struct reading *r, size_t at, const struct reading_replies *replies, struct fault *fault);
/* Claims room for what has come and `more` bytes. */
enum error reading_claim(const struct reading *r, int64_t more, struct fault *fault);
bool reading_present(const struct entry *entry);
enum error reading_strange(struct fault *fault);

/* entry_read_again.c */

/* The second and third step, where there is an entry that needs them. Parks. */
enum error reading_full_ones(struct reading *r, struct fault *fault);
enum error reading_empty_ones(struct reading *r, struct fault *fault);

#endif
