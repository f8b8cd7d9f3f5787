/* SPDX-License-Identifier: MIT */
/* A window and its two batches, for the files window*.c. */
#ifndef CW_WARM_WINDOW_INTERNAL_H
#define CW_WARM_WINDOW_INTERNAL_H

#include "redis/pacer.h"
#include "warm/inval_tail.h"
#include "warm/recent_writes_reader.h"
#include "warm/row.h"
#include "warm/window.h"

enum fate { NOT_STORED, STORED, UNKNOWN };

/* One entry of a batch. */
struct item {
	uint64_t row;
	size_t key_end; /* in the half's keys */
	size_t tag_end; /* in the half's tags, each ended by a newline, which no tag contains */
	size_t command, set; /* in the batch: its first command, its SET */
	size_t value_bytes;
	const struct redis_value *reply;       /* to its SET, or of its script; NULL = none */
	const struct redis_value *tag_refusal; /* to one of its ZADDs; NULL = none was refused */
	bool written; /* its key was written by another: it is not stored */
	bool refused; /* over slots: counted as rejected before its SET */
	bool shared;  /* key_sample_is_shared() */
	int64_t ttl_ms;
	bool starves; /* Redis had no memory for it: it is sent again */
	bool counted; /* it is stored, or will not be: not sent again */
	enum fate fate;
	bool untagged; /* stored, but not in the set of one of its tags */
};

/* One batch with the names of its entries. */
struct half {
	struct redis_batch *batch;
	struct buf keys, tags;
	struct item *items;
	size_t count;
	struct inval_tail_question question;
	int64_t since_ms;
	size_t lead; /* commands before the first item's; 0 = the batch has no guard */
	size_t exec; /* index of EXEC where it has one */
	bool in_flight;
	bool untagged; /* one of the items is */
};

struct group;

struct window {
	struct cache *cache;
	struct group *group; /* NULL = entries come into a batch at once */
	struct run_counts *counts;
	struct undo *undo;
	enum entry_mode mode;
	int64_t command_ms;	   /* Redis has answered or failed by then */
	struct key_sample *sample; /* may be NULL */
	int64_t deadline;
	bool starves;
	size_t half_entries;
	bool absent; /* a loader may have noted that a key of the job is absent */
	bool single; /* only one batch is used: the window is small, paced, or over slots */
	struct redis_pacers *pacers; /* NULL = unpaced */
	struct fiber_group probes;   /* the pacers' */
	struct inval_tail tail;
	struct recent_writes_reader writes;
	struct half halves[2];
	struct half *filling;
	struct buf scratch;   /* a compressed value */
	struct fault stopped; /* the error that ended it */
};

/* The error that rejects an item, and ends the window. */
void window_reject(struct window *w, struct item *item, const struct fault *why);
/* Ends the window, and leaves keys that could not be removed to warm/undo. */
void window_give_up(
	struct window *w, const struct slice *keys, size_t count, const struct fault *why);
/* Whether a loader may have noted that a key of the job is absent. */
bool window_may_be_absent(const struct conf *conf, const struct conf_job *job);
/* Adds an UNLINK of what may be noted of the absence of the batch's keys. */
void window_forget_absent(
	const struct window *w, const struct half *half, struct redis_batch *batch);
/* Whether the guard has kept an answered batch from being stored. */
bool window_held_back(const struct half *half);
/* The reply to a command of an item, inside EXEC's or not; NULL = none. */
const struct redis_value *window_reply(const struct half *half, size_t command);
/*
 * Counts the items by their replies, save those that starve, then takes the log's reply (NULL =
 * none; `error` says whether it may be asked for again) and removes what is stale. `lost`: why
 * items have no reply. Parks.
 */
void window_judge(struct window *w, struct half *half, const struct redis_value *log,
	enum error error, const struct fault *lost);
/* Adds an entry to the batch, and sends the batch if it is full. Parks. */
enum error window_add_now(struct window *w, const struct window_entry *entry, struct fault *fault);
/* The error that ended the window, or ERR_CANCELLED. */
enum error window_verdict(const struct window *w, struct fault *fault);
/* The first error ends the window. */
void window_stop(struct window *w, const struct fault *why);

/* Gathers the entries of a job that needs it, else NULL. `swap` is borrowed. */
struct group *window_group_new(const struct conf_job *job, const struct swap *swap);
void window_group_free(struct group *group); /* may be NULL */
/* Copies the entry. */
void window_group_add(struct group *group, const struct window_entry *entry, int64_t now_ms);
bool window_group_full(const struct group *group);
/* When its oldest entry was added; -1 = it is empty. */
int64_t window_group_since(const struct group *group);
/* Marks or asks, and adds the entries that are to be stored to the window. Parks. */
enum error window_group_pass_on(struct group *group, struct window *w, struct fault *fault);
/* Rejects the entries that it still has. */
void window_group_reject(struct group *group, struct window *w);

/* Counts an item by its reply. */
void window_count(struct window *w, struct half *half, struct item *item, const struct fault *lost);
/* A batch was sent, or goes through its steps: nothing is known of its items. */
void window_begin_items(struct half *half);
/* Whether an item that was refused for this reason may be stored later; notes that. */
bool window_item_starves(const struct window *w, struct item *item, const struct fault *why);
/* Notes that of all items that their replies say it of. */
void window_note_starving(const struct window *w, struct half *half);
/*
 * After window_judge(): whether items starve. Then it has waited for a while, and they are to be
 * stored again, alone, also if the run was cancelled meanwhile. Parks.
 */
bool window_await_memory(struct window *w, struct half *half);
/* Stores and judges a batch over slots, which was filled without a guard. Parks. */
void window_store_in_steps(struct window *w, struct half *half);
/* The key of item i. */
struct slice window_key(const struct half *half, size_t i);
/*
 * Stores a batch that its guard held back, without the keys that others have written. Afterwards
 * each item has its reply, and `half->question` is in *ret, which the caller frees. Parks.
 */
enum error window_retry(
	struct window *w, struct half *half, struct redis_batch **ret, struct fault *fault);

#endif
