/* SPDX-License-Identifier: MIT */
/* Values under keys, one or many at a time. */
#ifndef CACHEWARDEN_VALUE_H
#define CACHEWARDEN_VALUE_H

#include <cachewarden/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* TTLs are whole seconds, up to 10 years. */
enum {
	CW_TTL_DEFAULT = 0, /* going in: as the configuration says for the key's namespace */
	CW_TTL_NONE = -1,   /* going in and coming out: no expiry */
};

/* Where a value comes from. */
enum cw_origin {
	CW_HIT,	   /* the cache */
	CW_STALE,  /* the cache, after its TTL: within the namespace's stale_for */
	CW_MISS,   /* cw_result() loaded and stored it */
	CW_BYPASS, /* cw_result() loaded it; Redis is away */
};

/* A value that came out; cw_value_release() gives it back. */
struct cw_value {
	char *data; /* with a NUL behind it that size does not count; NULL = no value */
	size_t size;
	int64_t ttl; /* what is left; CW_TTL_NONE; 0 where stale or not stored */
	enum cw_origin origin;
	enum cw_status status; /* cw_mget(): of this one */
};

/* NULL, and one without a value, are welcome. */
CW_API void cw_value_release(struct cw_value *value);

/* CW_NOT_FOUND where there is none. */
CW_API enum cw_status cw_get(
	struct cw_cache *cache, struct cw_bytes key, struct cw_value *ret, struct cw_error *error);
/*
 * ret[keys.count], in their order, each with a status of its own: CW_OK, CW_NOT_FOUND,
 * CW_WRONG_TYPE, CW_TOO_LARGE (also past 16 MiB together). At most 1,000 keys, one pipeline. The
 * caller releases each.
 */
CW_API enum cw_status cw_mget(
	struct cw_cache *cache, struct cw_list keys, struct cw_value *ret, struct cw_error *error);

enum cw_mode { CW_REPLACE, CW_IF_MISSING, CW_IF_PRESENT };

/* How a value is stored. A zeroed one: default TTL, replace, no tags. */
struct cw_store {
	int64_t ttl;
	enum cw_mode mode;
	struct cw_list tags; /* at most 100; the value can be invalidated by each */
};

/* `how` may be NULL. CW_EXISTS where the mode does not allow it. */
CW_API enum cw_status cw_set(struct cw_cache *cache, struct cw_bytes key, struct cw_bytes value,
	const struct cw_store *how, struct cw_error *error);

struct cw_entry {
	struct cw_bytes key, value;
	struct cw_store how;
};

/* At most 1,000, one pipeline. *ret_stored (may be NULL) counts them, also where some failed. */
CW_API enum cw_status cw_mset(struct cw_cache *cache, const struct cw_entry *entries, size_t count,
	size_t *ret_stored, struct cw_error *error);

/* CW_OK whether they were there or not; *ret_deleted (may be NULL) says how many were. */
CW_API enum cw_status cw_delete(
	struct cw_cache *cache, struct cw_bytes key, size_t *ret_deleted, struct cw_error *error);
CW_API enum cw_status cw_mdelete(
	struct cw_cache *cache, struct cw_list keys, size_t *ret_deleted, struct cw_error *error);
CW_API enum cw_status cw_exists(
	struct cw_cache *cache, struct cw_bytes key, bool *ret, struct cw_error *error);
/* Seconds, or CW_TTL_NONE. CW_NOT_FOUND where the key is not there. */
CW_API enum cw_status cw_ttl(
	struct cw_cache *cache, struct cw_bytes key, int64_t *ret, struct cw_error *error);
/* CW_NOT_FOUND also where the value is stale: it is loaded anew, and not made fresh. */
CW_API enum cw_status cw_expire(
	struct cw_cache *cache, struct cw_bytes key, int64_t ttl, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
