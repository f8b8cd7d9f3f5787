/* SPDX-License-Identifier: MIT */
/*
 * The invalidation log, `cw:inval`: a STREAM (MAXLEN ~ 10,000) that gets every invalidation's
 * selectors before its first deletion, so that a load that began earlier can see that its
 * value is stale.
 *
 *	loader: id = last id ... load ... store, read the log from id -> a match: delete it again
 *
 * In a cluster, or behind sentinels, a server that takes over may lack what the one before it had
 * acknowledged. There the replication id of the log's server is a part of the place where a reader
 * begins: if another server answers, the log counts as unreadable, and so does one whose slot has
 * moved.
 */
#ifndef CW_CACHE_INVAL_LOG_H
#define CW_CACHE_INVAL_LOG_H

#include "cache/cache.h"

enum {
	INVAL_ID_BYTES = 44,
	INVAL_SERVER_BYTES = 41,
	INVAL_MAX_SINCE = 1000, /* entries that a reader looks through; of more, all is stale */
};

/* Appends the log's name. */
void inval_log_key(const struct cache *cache, struct buf *out);

/* For scripts: `name` becomes the replication id of the server that runs it; '' = not known. */
#define INVAL_SERVER_LUA(name) \
	"local " name " = redis.pcall('INFO', 'replication') " name " = type(" name \
	") == 'string' and " \
	"string.match(" name ", 'master_replid:(%x+)') or '' "

/* How an entry's keys end, if they are not removed at once. */
#define INVAL_SOFT   "soft"
#define INVAL_SPREAD "spread"

/* Where a reader begins. */
struct inval_place {
	char id[INVAL_ID_BYTES];	 /* of an entry that was there; "0-0" = the log was empty */
	char server[INVAL_SERVER_BYTES]; /* where it was, if that may change; "" = not known */
};
/* Where the log ends now. Parks. */
enum error inval_log_last(struct cache *cache, struct inval_place *ret, struct fault *fault);

/* What one entry names: exact keys, patterns and tags. */
struct inval_entry {
	const char *operation_id;
	const char *by;	  /* the caller that began it; NULL = not told */
	const char *mode; /* INVAL_SOFT, INVAL_SPREAD; NULL = what matches is removed */
	const struct slice *keys;
	size_t key_count;
	const struct slice *patterns;
	size_t pattern_count;
	const struct slice *tags;
	size_t tag_count;
};
/* Written and acknowledged when it returns OK; long lists become several entries. Parks. */
enum error inval_log_append(
	struct cache *cache, const struct inval_entry *entry, struct fault *fault);

/*
 * Writes an entry that names nothing, also while Redis is out of memory: a log that was empty can
 * then be told from one that is empty again. Parks.
 */
enum error inval_log_mark(struct cache *cache, struct fault *fault);

/* The command that reads what came after `id`; returns its index in the batch. */
size_t inval_log_add_read(struct cache *cache, const char *id, struct redis_batch *batch);

struct inval_since;
/*
 * From its reply, which may be NULL. NULL where it cannot be used (an error, the place was
 * trimmed away, another server has the log): then all is stale.
 */
struct inval_since *inval_log_take_reply(const struct cache *cache, const struct redis_value *reply,
	const struct inval_place *place);
/* The same from the entries alone, as XRANGE returns them. */
struct inval_since *inval_since_parse(const struct redis_value *reply, const char *id);
/* Reads what came after the place now; NULL also where Redis could not be asked. Parks. */
struct inval_since *inval_log_since(struct cache *cache, const struct inval_place *place);
void inval_since_free(struct inval_since *since);
bool inval_since_empty(const struct inval_since *since);
/*
 * Whether the key was invalidated, by its name or by a pattern. ERR_CANCELLED: not all patterns
 * were compared. Parks where there are many patterns and it is asked in a fiber: others have their
 * turn.
 */
enum error inval_since_check(struct inval_since *since, struct slice key, bool *ret);
/* Whether one of the tags was purged. */
bool inval_since_matches_tags(
	const struct inval_since *since, const struct slice *tags, size_t count);
/*
 * Whether it may name a key that begins with `beginning`, or, if the keys have tags, any tag.
 */
bool inval_since_touches(const struct inval_since *since, struct slice beginning, bool tagged);
/* The id to read from next time. */
const char *inval_since_last(const struct inval_since *since);
/* Adds what a later answer says; frees it. */
void inval_since_merge(struct inval_since *since, struct inval_since *more);
/* How many keys, patterns and tags it holds. */
size_t inval_since_names(const struct inval_since *since);

#endif
