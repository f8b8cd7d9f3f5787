/* SPDX-License-Identifier: MIT */
/* What the files of entries share. */
#ifndef CW_CACHE_ENTRY_INTERNAL_H
#define CW_CACHE_ENTRY_INTERNAL_H

#include "cache/entry.h"

enum {
	ENTRY_FEW = 64, /* up to so many use the connection of ordinary commands, more the bulk
			   connection */
};

/* Adds the commands to an empty batch; called again for a second try. May park. */
typedef void entry_fill(void *context, struct redis_batch *batch);

/*
 * Fills the batch, runs it and, where `idempotent`, once more after ERR_REDIS_UNKNOWN_OUTCOME. OK
 * says that each command has a reply; a batch of no commands is OK. Parks.
 */
struct entry_step {
	struct cache *cache;
	struct slice key; /* for `fill` */
	enum redis_priority priority;
	bool idempotent;
	entry_fill *fill;
	void *context;
};
enum error entry_step(
	const struct entry_step *step, struct redis_batch *batch, struct fault *fault);

/* ERR_TOO_LARGE over cache.max_value_bytes. */
enum error entry_check_size(
	const struct cache *cache, const struct entry_write *write, struct fault *fault);

/* One more value beyond cache.warn_value_bytes, for the metric. */
void entry_note_size(struct cache *cache, size_t bytes, const char *what);

#endif
