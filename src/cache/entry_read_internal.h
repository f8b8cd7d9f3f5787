/* SPDX-License-Identifier: MIT */
/* What entry_read.c shares with entry_settle.c: one reading of one or many entries. */
#ifndef CW_CACHE_ENTRY_READ_INTERNAL_H
#define CW_CACHE_ENTRY_READ_INTERNAL_H

#include "cache/entry_internal.h"

enum { ENTRY_READ_COMMANDS = 3 }; /* for one key: PTTL of the mark, PTTL, GETRANGE */

/* The replies to them. */
struct entry_replies {
	const struct redis_value *mark, *pttl, *range;
};

struct entry_reading {
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
	size_t *places;
	int64_t *bounds;
	size_t place_count;
	bool unsettled; /* a value came while an empty one was being asked for again */
};

/* Adds the commands for one key, up to `bound` bytes of its value. */
void entry_read_add(
	struct entry_reading *r, struct redis_batch *batch, struct slice key, int64_t bound);
/* One round trip for `fill`. Parks. */
enum error entry_read_step(struct entry_reading *r, enum redis_priority priority, entry_fill *fill,
	struct redis_batch *batch, struct fault *fault);
/*
 * r->ret[at] = what the replies say. It borrows their bytes: entry->reply is NULL until the caller
 * takes it over.
 */
enum error entry_read_take(struct entry_reading *r, size_t at, const struct entry_replies *replies,
	struct fault *fault);
/*
 * Another step is for the entries of so many bytes: notes them as places in r->places; false where
 * there is none.
 */
bool entry_read_choose(struct entry_reading *r, int64_t least, int64_t most);
/* Redis answered with another type than asked: ERR_REDIS_PROTOCOL. */
enum error entry_read_wrong_type(struct fault *fault);

static inline bool entry_is_present(const struct entry *entry)
{
	return !entry->error && entry->pttl_ms != -2;
}

/*
 * Settles the entries that look empty: each is read again by what nothing can come in between. Sets
 * r->unsettled where a value has come meanwhile. Parks.
 */
enum error entry_settle(struct entry_reading *r, struct fault *fault);

#endif
