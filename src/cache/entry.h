/* SPDX-License-Identifier: MIT */
/*
 * Entries: values under keys, as every part of cachewarden reads and stores them.
 *
 *	value -> compress (namespace) -> [ZADD tags] SET PX ttl + stale_for -> Redis
 *	Redis -> GETRANGE + PTTL -> fresh, stale or absent -> decompress -> value
 *
 * Soft expiry needs no metadata: in a namespace with stale_for, PX is ttl + stale_for, and a value
 * is stale once its PTTL is at most stale_for, or when a soft purge has marked it
 * (cache/soft_purge.h), whatever stale_for is here. Every TTL that is shown is PTTL - stale_for,
 * and 0 for a stale value. No reply can be larger than max_value_bytes, or ENTRY_MANY_BYTES for
 * many.
 *
 * The caller has checked the keys (cache/guard.h).
 */
#ifndef CW_CACHE_ENTRY_H
#define CW_CACHE_ENTRY_H

#include "cache/cache.h"

enum {
	ENTRY_MANY_KEYS = 1000,
	ENTRY_MANY_BYTES = 16 * 1024 * 1024,
	ENTRY_MANY_TAGS = 100,
};

enum entry_mode { ENTRY_SET, ENTRY_SET_IF_ABSENT, ENTRY_SET_IF_PRESENT };

/* What is to be stored. All borrowed. */
struct entry_write {
	struct slice key, value;
	int64_t ttl_ms; /* > 0; -1 = no expiry; 0 = of the key's namespace */
	enum entry_mode mode;
	const struct slice *tags; /* checked with tag_check() */
	size_t tag_count;
	const struct slice *expected; /* entry_write(): only over these stored bytes; NULL = any */
};

/*
 * Where what is read must find room before it is fetched: an answer that is bounded together with
 * others.
 */
struct entry_room {
	/* Bytes that could be claimed now. */
	size_t (*left)(void *context);
	/* So many bytes of values in all; an error ends the reading. */
	enum error (*claim)(void *context, size_t bytes, struct fault *fault);
	void *context;
};

/* A stored entry that was read. */
struct entry {
	struct redis_value *reply; /* owns the bytes; NULL = absent */
	struct slice stored;	   /* maybe compressed */
	int64_t pttl_ms;	   /* Redis's; -1 = no expiry */
	int64_t ttl_ms;		   /* as shown: -1 = no expiry, 0 = stale */
	bool stale;
	enum error
		error; /* of entry_read_many: ERR_TOO_LARGE, ERR_REPLY_TOO_LARGE, ERR_WRONG_TYPE */
};

/*
 * OK also where there is nothing: ret->reply is NULL then. ERR_TOO_LARGE where the stored value is
 * over max_value_bytes, ERR_WRONG_TYPE. Counts gets, hits and misses. Parks.
 */
enum error entry_read(
	struct cache *cache, struct slice key, struct entry *ret, struct fault *fault);
/* The same within `room`. Parks. */
enum error entry_read_within(struct cache *cache, struct slice key, const struct entry_room *room,
	struct entry *ret, struct fault *fault);
/*
 * ret[count], in one pipeline (a second one for values that did not fit into the first). `room` may
 * be NULL. Parks.
 */
enum error entry_read_many(struct cache *cache, const struct slice *keys, size_t count,
	const struct entry_room *room, struct entry *ret, struct fault *fault);
void entry_release(struct entry *entry);
/*
 * *ret = the value: a view of the entry, or of `scratch` where it was compressed. Parks as
 * codec_decompress().
 */
enum error entry_value(struct cache *cache, const struct entry *entry, struct buf *scratch,
	struct slice *ret, struct fault *fault);

enum entry_outcome { ENTRY_STORED_NEW, ENTRY_STORED_OVER, ENTRY_NOT_STORED };
/*
 * ERR_TOO_LARGE over max_value_bytes, ERR_REDIS_OOM, ... NOT_STORED is what the mode did not allow,
 * or what was not `expected`: both are judged in the moment of storing.
 * Tags and value are stored together or not at all. Parks.
 */
enum error entry_write(struct cache *cache, const struct entry_write *write,
	enum entry_outcome *ret, struct fault *fault);
/* Several in one pipeline; *ret_stored counts, the first error is returned at the end. Parks. */
enum error entry_write_many(struct cache *cache, const struct entry_write *writes, size_t count,
	size_t *ret_stored, struct fault *fault);

/*
 * UNLINK by name, logged as an invalidation of these keys before the first deletion, so that no
 * load that began earlier stores an older value. `by`: the caller, for the log; NULL = not told.
 * *ret_deleted counts those that were there. Parks.
 */
enum error entry_delete_many(struct cache *cache, const char *by, const struct slice *keys,
	size_t count, size_t *ret_deleted, struct fault *fault);
/* The same, unseen by those that watch the keys (cache/key_watch.h). Parks. */
enum error entry_delete_unwatched(struct cache *cache, const struct slice *keys, size_t count,
	size_t *ret_deleted, struct fault *fault);
/* The same of one key, where `expected` is what is stored in that moment. Parks. */
enum error entry_delete_if(struct cache *cache, const char *by, struct slice key,
	struct slice expected, size_t *ret_deleted, struct fault *fault);
/*
 * Removes values that this process stored and that must not stay, such as those of a load that an
 * invalidation overtook. That is not an invalidation, so nothing is logged. Parks.
 */
enum error entry_take_back(
	struct cache *cache, const struct slice *keys, size_t count, struct fault *fault);
/* The same of those under which the given bytes are still stored. Parks. */
enum error entry_take_back_same(struct cache *cache, const struct slice *keys,
	const struct slice *stored, size_t count, struct fault *fault);
/* *ret_ms: -2 absent, -1 no expiry, 0 stale, else milliseconds. Parks. */
enum error entry_ttl(struct cache *cache, struct slice key, int64_t *ret_ms, struct fault *fault);
/* ttl_ms as in entry_write. *ret = it was there, and fresh: a stale entry is not changed. Parks. */
enum error entry_expire(
	struct cache *cache, struct slice key, int64_t ttl_ms, bool *ret, struct fault *fault);

/*
 * Parts of a write, for callers that build their own batch: the bytes and the PX that are stored
 * (`scratch` may hold the compressed value), and the one SET. The SET's reply: OK stored, nil not.
 */
struct entry_bytes {
	struct slice stored;
	int64_t px_ms; /* -1 = none */
};
struct entry_bytes entry_encode(
	struct cache *cache, const struct entry_write *write, struct buf *scratch); /* Parks. */
size_t entry_add_set(struct redis_batch *batch, struct slice key, struct slice value,
	int64_t ttl_ms, enum entry_mode mode);
/* The PX of an entry with that TTL (as in entry_write): with stale_for; -1 = none. Pure. */
int64_t entry_px(const struct conf *conf, struct slice key, int64_t ttl_ms);
/*
 * From PTTL, and that of the mark of a soft purge, to the TTL that is shown (-2 absent, -1 none, 0
 * stale). Pure.
 */
int64_t entry_shown_ttl(
	const struct conf *conf, struct slice key, int64_t pttl_ms, int64_t mark_pttl_ms);
int64_t entry_stale_for(const struct conf *conf, struct slice key);

#endif
