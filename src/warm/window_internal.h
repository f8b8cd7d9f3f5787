/* SPDX-License-Identifier: MIT */
/* What the files of a window share: its two batches and what is in them. */
#ifndef CW_WARM_WINDOW_INTERNAL_H
#define CW_WARM_WINDOW_INTERNAL_H

#include "warm/row.h"
#include "warm/trail.h"
#include "warm/window.h"

enum fate { NOT_STORED, STORED, UNKNOWN };

struct item {
	uint64_t row;
	size_t key_end;	     /* in the slot's keys */
	size_t tag_end;	     /* in the slot's tags, each ended by a newline, which no tag holds */
	size_t command, set; /* in the batch: its first one, its SET */
	size_t value_bytes;
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
	bool in_flight;
	bool untagged; /* one of the items is */
};

struct window {
	struct cw *cw;
	struct tally *tally;
	struct undo *undo;
	enum entry_mode mode;
	int64_t command_ms; /* by then Redis has answered or failed */
	size_t slot_entries;
	bool single; /* so small a window that there is one batch only */
	struct trail trail;
	struct slot slots[2];
	struct slot *filling;
	struct buf scratch;   /* a compressed value */
	struct fault stopped; /* what ended it */
};

void slot_clear(struct slot *slot);
/* The key of item i. */
struct slice slot_key(const struct slot *slot, size_t i);
/* Notes why the window ends; the first reason stands. */
void window_stop(struct window *w, const struct fault *why);
void window_reject(struct window *w, struct item *item, const struct fault *why);
/* Hears a batch to its end and settles it. Parks, though cancelled. */
void window_settle(struct window *w, struct slot *slot);

#endif
