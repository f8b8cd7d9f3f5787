/* SPDX-License-Identifier: MIT */
/*
 * The run's side of cache/recent_writes.h: the set of keys that others wrote since an attempt
 * began, and storing only what is not in it.
 *
 *	begin -> guard, SETs, EXEC -> stored
 *	                           -> nothing was done, the list has grown: read it, then store the
 *	                              rest by one script
 *
 * Over slots the lists are read after the SETs (warm/window_steps.c), and each is lost with the
 * server that had it when the attempt began: one that takes over may lack notes.
 *
 * If a list is lost, or names more keys than are kept, `lost` is set. From then on the window
 * replaces nothing.
 */
#ifndef CW_WARM_WRITE_SET_H
#define CW_WARM_WRITE_SET_H

#include "base/name_set.h"
#include "cache/inval_log.h"
#include "cache/owner.h"
#include "cache/recent_writes.h"

struct write_list {
	struct buf name;
	char epoch[OWNER_TOKEN_DIGITS + 1];
	char server[INVAL_SERVER_BYTES]; /* over slots */
	int64_t length;			 /* elements that were read; the epoch counts */
};

struct write_set {
	struct cache *cache;
	struct write_list lists[RECENT_WRITES_LISTS];
	size_t list_count;
	struct name_set names;
	bool lost;
};

/* Creates or joins the lists. Call write_set_release() also after an error. Parks. */
enum error write_set_begin(struct write_set *set, struct cache *cache, struct fault *fault);
void write_set_release(struct write_set *set);
/* Whether the key was written, as far as the list was read. */
bool write_set_has(const struct write_set *set, struct slice key);
/* On one server: adds the two commands before MULTI that make EXEC do nothing if the list has
 * grown.
 */
void write_set_guard(const struct write_set *set, struct redis_batch *batch);
/* Reads the rest of the lists; sets `lost` if that is not possible any more. Parks. */
enum error write_set_read(struct write_set *set, struct fault *fault);

/* The entries of a script that stores them one by one. */
struct write_set_store {
	struct slice *keys; /* of the entries */
	size_t key_count;
	/* For each entry: the number of its commands; for each of these: its words' number, words.
	 */
	struct slice *words;
	size_t word_count;
};
/* The entry's key is not stored because of the mode; is stored; was written by another. */
enum write_set_fate { WRITE_SET_SKIPPED = 0, WRITE_SET_STORED = 1, WRITE_SET_MEANWHILE = 2 };
/* Adds the script, one command; returns its index in the batch. */
size_t write_set_add_store(const struct write_set *set, const struct write_set_store *store,
	struct redis_batch *batch);
/*
 * Reads its reply. OK: (*ret)[i] is the fate of entry i, an integer, or the error that one of its
 * commands met; they belong to the reply. ERR_CONFLICT: another list, or one that has grown too
 * much; nothing was done: call write_set_read() and send the script again.
 */
enum error write_set_judged(const struct redis_value *reply, const struct write_set_store *store,
	struct redis_value *const **ret, struct fault *fault);

#endif
