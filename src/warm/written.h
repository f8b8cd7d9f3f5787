/* SPDX-License-Identifier: MIT */
/*
 * The run's side of cache/write_log.h: which keys were written since an attempt began, and storing
 *only what was not.
 *
 *	begin -> guard, SETs, EXEC -> done, or nothing: read, then store what is left by one script
 *
 * Where the list is lost, or names more than is remembered, `lost` is set: from then on the window
 * replaces nothing.
 */
#ifndef CW_WARM_WRITTEN_H
#define CW_WARM_WRITTEN_H

#include "base/name_set.h"
#include "cache/owner.h"
#include "cache/write_log.h"

struct written {
	struct cache *cache;
	struct buf list; /* its name */
	char epoch[OWNER_TOKEN_DIGITS + 1];
	int64_t length; /* of the list, as far as it was read; its epoch counts */
	struct name_set names;
	bool lost;
};

/* Begins or joins the list. Release it with written_release() in any case. Parks. */
enum error written_begin(struct written *written, struct cache *cache, struct fault *fault);
void written_release(struct written *written);
/* Whether the key was written, as far as the list was read. */
bool written_has(const struct written *written, struct slice key);
/* Adds the two commands before MULTI: EXEC does nothing where the list says more than was read. */
void written_guard(const struct written *written, struct redis_batch *batch);
/* Reads what the list says by now; sets `lost` where it cannot be known. Parks. */
enum error written_read(struct written *written, struct fault *fault);

/* Storing by script, entry by entry. */
struct written_store {
	struct slice *keys; /* of the entries, each with its commands in `words` */
	size_t key_count;
	struct slice
		*words; /* of each entry: how many commands; of each: how many words, and these */
	size_t word_count;
};
enum written_fate { WRITTEN_SKIPPED = 0, WRITTEN_STORED = 1, WRITTEN_MEANWHILE = 2 };
/* Adds the one command. */
size_t written_add_store(const struct written *written, const struct written_store *store,
	struct redis_batch *batch);
/*
 * Of its reply: OK where the script has judged the entries; ret[i] is then the fate of each, an
 * integer or what was refused, in the reply. ERR_CONFLICT: the list is another or much longer, and
 * nothing was done: read it, and ask again.
 */
enum error written_judged(const struct redis_value *reply, const struct written_store *store,
	struct redis_value *const **ret, struct fault *fault);

#endif
