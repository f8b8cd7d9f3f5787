/* SPDX-License-Identifier: MIT */
/*
 * Stored dependencies: keys that are invalidated with a key, as a program defines at run time. They
 * apply in addition to the configuration's rules, for all programs and daemons on the same Redis.
 */
#ifndef CACHEWARDEN_DEPENDENCY_H
#define CACHEWARDEN_DEPENDENCY_H

#include <cachewarden/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A change of the keys that depend on one key. */
struct cw_dependency {
	struct cw_bytes key;
	struct cw_list add, remove; /* keys; at most 1,000 each */
	bool replace;		    /* `add` replaces the stored keys; `remove` must be empty */
	int64_t ttl;		    /* seconds until all of them expire, from now on; 0 = 7 days */
};

/*
 * Changes them. *ret_count (may be NULL): how many are stored now. CW_TOO_LARGE: it would be more
 * than 10,000; nothing was changed.
 */
CW_API enum cw_status cw_depend(struct cw_cache *cache, const struct cw_dependency *what,
	size_t *ret_count, struct cw_error *error);

/* Names that were read; cw_names_release() frees them. */
struct cw_names {
	struct cw_bytes *items; /* each is followed by a NUL */
	size_t count;
};

/* Reads the stored keys, in no particular order, without those of the configuration's rules. */
CW_API enum cw_status cw_dependents(
	struct cw_cache *cache, struct cw_bytes key, struct cw_names *ret, struct cw_error *error);
/* May be NULL. */
CW_API void cw_names_release(struct cw_names *names);
/* Removes all stored keys. CW_OK even if there were none. */
CW_API enum cw_status cw_dependents_delete(
	struct cw_cache *cache, struct cw_bytes key, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
