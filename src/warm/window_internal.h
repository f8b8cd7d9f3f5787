/* SPDX-License-Identifier: MIT */
/* What the files of a window share: its two batches and what is in them. */
#ifndef CW_WARM_WINDOW_INTERNAL_H
#define CW_WARM_WINDOW_INTERNAL_H

#include "warm/row.h"
#include "warm/trail.h"
#include "warm/window.h"
#include "warm/written.h"

enum fate { NOT_STORED, STORED, UNKNOWN };

struct item {
	uint64_t row;
	size_t key_end;	     /* in the slot's keys */
	size_t tag_end;	     /* in the slot's tags, each ended by a newline, which no tag holds */
	size_t command, set; /* in the batch: its first one, its SET */
	size_t value_bytes;
	const struct redis_value *reply; /* to its SET, or of its script; NULL = none */
	bool written;			 /* its key was written meanwhile: it is left alone */
	enum fate fate;
	bool untagged; /* stored, but out of reach of one of its tags */
};

/* One batch with the names of what is in it. */
struct slot {
	struct redis_batch *batch;
	struct buf keys, tags;
	struct item *items;
	size_t count;
	struct trail_question question;
	int64_t since_ms;
	size_t lead; /* commands before the first item's; 0 = the batch is not guarded */
	size_t exec; /* where it is guarded */
	bool in_flight;
	bool untagged; /* one of the items is */
};

struct window {
	struct cache *cache;
	struct tally *tally;
	struct undo *undo;
	enum entry_mode mode;
	int64_t command_ms; /* by then Redis has answered or failed */
	size_t slot_entries;
	bool absent; /* there may be notes that there is nothing under a key that is stored */
	bool single; /* so small a window that there is one batch only */
	struct trail trail;
	struct written written;
	struct slot slots[2];
	struct slot *filling;
	struct buf scratch;   /* a compressed value */
	struct fault stopped; /* what ended it */
};

void slot_clear(struct slot *slot);
/* The mode that holds now: what is written meanwhile may not be known any more. */
enum entry_mode window_mode(const struct window *w);
/* The key of item i. */
struct slice slot_key(const struct slot *slot, size_t i);
/* Notes why the window ends; the first reason stands. */
void window_stop(struct window *w, const struct fault *why);
void window_reject(struct window *w, struct item *item, const struct fault *why);
/* Whether its guard has kept the answered batch from being stored. */
bool slot_held_back(const struct slot *slot);
/*
 * Stores such a batch without what was written meanwhile; each item has its reply then, and
 * `slot->question` is of *ret, which the caller frees. Parks.
 */
enum error window_store_again(
	struct window *w, struct slot *slot, struct redis_batch **ret, struct fault *fault);
/* Hears a batch to its end and settles it. Parks, though cancelled. */
void window_settle(struct window *w, struct slot *slot);

#endif
