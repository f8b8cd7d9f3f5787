/* SPDX-License-Identifier: MIT */
/*
 * The invalidation log, `cw:inval`: a STREAM (MAXLEN ~ 10,000) that gets every invalidation's
 * selectors before its first deletion, so that a load that began earlier can see that its
 * value is stale.
 *
 *	loader: id = last id ... load ... store, read the log from id -> a match: delete it again
 */
#ifndef CW_CACHE_INVAL_LOG_H
#define CW_CACHE_INVAL_LOG_H

#include "cache/cache.h"

enum {
	INVAL_ID_BYTES = 44,
	INVAL_MOST_SINCE = 1000, /* entries that a reader looks through; of more, all is stale */
};

/* Appends the log's name. */
void inval_log_key(const struct cache *cache, struct buf *out);

/* The last id, "0-0" where the log is empty. Parks. */
enum error inval_log_last(struct cache *cache, char ret[INVAL_ID_BYTES], struct fault *fault);

/* What one entry names: exact keys, patterns and tags. */
struct inval_entry {
	const char *operation_id;
	const struct slice *keys;
	size_t key_count;
	const struct slice *patterns;
	size_t pattern_count;
	const struct slice *tags;
	size_t tag_count;
};
/* Written and acknowledged when it returns OK; long lists become several entries. Parks. */
enum error inval_log_add(struct cache *cache, const struct inval_entry *entry, struct fault *fault);

/* Adds the command that reads what came after `id` to a batch; the reply is for inval_since. */
size_t inval_log_read(struct cache *cache, const char *id, struct redis_batch *batch);

struct inval_since;
/* NULL where the reply cannot be used (error, or `id` was trimmed away): then all is stale. */
struct inval_since *inval_since_parse(const struct redis_value *reply, const char *id);
/* Reads what came after `id` now; NULL also where Redis could not be asked. Parks. */
struct inval_since *inval_log_since(struct cache *cache, const char *id);
void inval_since_free(struct inval_since *since);
bool inval_since_empty(const struct inval_since *since);
/*
 * Parks where there are many patterns and it is asked in a fiber: others have their turn. True,
 * too, where that fiber is cancelled meanwhile.
 */
bool inval_since_matches(struct inval_since *since, struct slice key);
/* Whether one of the tags was purged. */
bool inval_since_matches_tags(
	const struct inval_since *since, const struct slice *tags, size_t count);
/* The id to read from next time. */
const char *inval_since_last(const struct inval_since *since);
/* Adds what a later answer says; frees it. */
void inval_since_merge(struct inval_since *since, struct inval_since *more);
/* How many keys, patterns and tags it holds. */
size_t inval_since_names(const struct inval_since *since);

#endif
