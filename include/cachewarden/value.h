/* SPDX-License-Identifier: MIT */
/* Reading, storing and deleting values, one or many at a time. */
#ifndef CACHEWARDEN_VALUE_H
#define CACHEWARDEN_VALUE_H

#include <cachewarden/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A TTL is in whole seconds, 1 to 10 years, or one of these. */
enum {
	CW_TTL_DEFAULT = 0, /* for storing: the configuration's TTL of the key's namespace */
	CW_TTL_NONE = -1,   /* no expiry */
};

/* Where a value came from. */
enum cw_origin {
	CW_HIT,	   /* the cache */
	CW_STALE,  /* the cache, after its TTL but within the namespace's stale_for */
	CW_MISS,   /* cw_result() loaded and stored it */
	CW_BYPASS, /* cw_result() loaded it, and could not store it: Redis is away */
};

/* A value that was read; cw_value_release() frees it. */
struct cw_value {
	char *data; /* followed by a NUL that `size` does not count; NULL = no value */
	size_t size;
	int64_t ttl; /* seconds left, or CW_TTL_NONE; 0 = stale or not stored */
	enum cw_origin origin;
	enum cw_status status; /* of cw_mget(): of this value */
};

/* May be NULL or without a value. */
CW_API void cw_value_release(struct cw_value *value);

/* CW_NOT_FOUND: the key has no value. */
CW_API enum cw_status cw_get(
	struct cw_cache *cache, struct cw_bytes key, struct cw_value *ret, struct cw_error *error);
/*
 * Reads 1 to 1,000 keys in one pipeline. `ret` has room for keys.count values, in the same order,
 * each with its own status: CW_OK, CW_NOT_FOUND, CW_WRONG_TYPE, CW_CORRUPT_VALUE, or CW_TOO_LARGE
 * (also beyond 16 MiB in all). Free each with cw_value_release().
 */
CW_API enum cw_status cw_mget(
	struct cw_cache *cache, struct cw_list keys, struct cw_value *ret, struct cw_error *error);

/* Whether to store: always, only if the key does not exist, only if it exists. */
enum cw_mode { CW_REPLACE, CW_IF_MISSING, CW_IF_PRESENT };

/* How a value is stored. Zeroed: the default TTL, replace, no tags. */
struct cw_store {
	int64_t ttl; /* seconds; enum above */
	enum cw_mode mode;
	struct cw_list tags; /* at most 100; each can be used to invalidate the value */
};

/* `how` may be NULL. CW_EXISTS: not stored because of `how->mode`. */
CW_API enum cw_status cw_set(struct cw_cache *cache, struct cw_bytes key, struct cw_bytes value,
	const struct cw_store *how, struct cw_error *error);

struct cw_entry {
	struct cw_bytes key, value;
	struct cw_store how;
};

/* Stores 1 to 1,000 in one pipeline. *ret_stored (may be NULL): how many, also after an error. */
CW_API enum cw_status cw_mset(struct cw_cache *cache, const struct cw_entry *entries, size_t count,
	size_t *ret_stored, struct cw_error *error);

/* Deletes 1 to 1,000 keys. CW_OK even if there were none. *ret_deleted (may be NULL): how many. */
CW_API enum cw_status cw_delete(
	struct cw_cache *cache, struct cw_bytes key, size_t *ret_deleted, struct cw_error *error);
CW_API enum cw_status cw_mdelete(
	struct cw_cache *cache, struct cw_list keys, size_t *ret_deleted, struct cw_error *error);
/* *ret: whether the key exists, as a value or another type. */
CW_API enum cw_status cw_exists(
	struct cw_cache *cache, struct cw_bytes key, bool *ret, struct cw_error *error);
/* *ret: the seconds left, 0 = stale, or CW_TTL_NONE. CW_NOT_FOUND: the key does not exist. */
CW_API enum cw_status cw_ttl(
	struct cw_cache *cache, struct cw_bytes key, int64_t *ret, struct cw_error *error);
/* Sets the TTL. CW_NOT_FOUND also if the value is stale: it must be loaded again. */
CW_API enum cw_status cw_expire(
	struct cw_cache *cache, struct cw_bytes key, int64_t ttl, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
