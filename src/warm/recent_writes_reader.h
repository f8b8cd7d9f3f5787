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
#ifndef CW_WARM_RECENT_WRITES_READER_H
#define CW_WARM_RECENT_WRITES_READER_H

#include "base/name_set.h"
#include "cache/inval_log.h"
#include "cache/owner.h"
#include "cache/recent_writes.h"

struct recent_writes_list {
	struct buf name;
	char epoch[OWNER_TOKEN_DIGITS + 1];
	char server[INVAL_SERVER_BYTES]; /* over slots */
	int64_t length;			 /* elements that were read; the epoch counts */
};

struct recent_writes_reader {
	struct cache *cache;
	struct recent_writes_list lists[RECENT_WRITES_LISTS];
	size_t list_count;
	struct name_set names;
	bool lost;
};

/* Creates or joins the lists. Call recent_writes_reader_release() also after an error. Parks. */
enum error recent_writes_reader_begin(
	struct recent_writes_reader *reader, struct cache *cache, struct fault *fault);
void recent_writes_reader_release(struct recent_writes_reader *reader);
/* Whether the key was written, as far as the list was read. */
bool recent_writes_reader_has(const struct recent_writes_reader *reader, struct slice key);
/*
 * On one server: adds the two commands before MULTI that make EXEC do nothing if the list has
 * grown.
 */
void recent_writes_reader_add_guard(
	const struct recent_writes_reader *reader, struct redis_batch *batch);
/* Reads the rest of the lists; sets `lost` if that is not possible any more. Parks. */
enum error recent_writes_reader_read(struct recent_writes_reader *reader, struct fault *fault);

/* The entries of a script that stores them one by one. */
struct recent_writes_store {
	struct slice *keys; /* of the entries */
	size_t key_count;
	/* For each entry: the number of its commands; for each of these: its words' number, words.
	 */
	struct slice *words;
	size_t word_count;
};
/* The entry's key is not stored because of the mode; is stored; was written by another. */
enum recent_writes_fate {
	RECENT_WRITES_SKIPPED = 0,
	RECENT_WRITES_STORED = 1,
	RECENT_WRITES_MEANWHILE = 2
};
/* Adds the script, one command; returns its index in the batch. */
size_t recent_writes_reader_add_store(const struct recent_writes_reader *reader,
	const struct recent_writes_store *store, struct redis_batch *batch);
/*
 * Reads its reply. OK: (*ret)[i] is the fate of entry i, an integer, or the error that one of its
 * commands met; they belong to the reply. ERR_CONFLICT: another list, or one that has grown too
 * much; nothing was done: call recent_writes_reader_read() and send the script again.
 */
enum error recent_writes_reader_take_reply(const struct redis_value *reply,
	const struct recent_writes_store *store, struct redis_value *const **ret,
	struct fault *fault);

#endif
