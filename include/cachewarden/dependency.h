/* SPDX-License-Identifier: MIT */
/*
 * Stored dependencies: what goes with a key, as the program says it while it runs. They hold
 * together with the rules of the configuration, for every program and daemon on the same Redis.
 */
#ifndef CACHEWARDEN_DEPENDENCY_H
#define CACHEWARDEN_DEPENDENCY_H

#include <cachewarden/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A change of what goes with one key. */
struct cw_dependency {
	struct cw_bytes key;
	struct cw_list add, remove; /* keys; at most 1,000 each */
	bool replace;		    /* `add` is all there is from now on */
	int64_t ttl;		    /* of what is stored about the key; 0 = 7 days, renewed here */
};

/* *ret_count (may be NULL): how many are stored now. CW_TOO_LARGE past 10,000: nothing changed. */
CW_API enum cw_status cw_depend(struct cw_cache *cache, const struct cw_dependency *what,
	size_t *ret_count, struct cw_error *error);

/* Names that came out; cw_names_release() gives them back. */
struct cw_names {
	struct cw_bytes *items; /* each with a NUL behind it */
	size_t count;
};

/* What is stored for the key, in any order; the rules of the configuration are not shown. */
CW_API enum cw_status cw_dependents(
	struct cw_cache *cache, struct cw_bytes key, struct cw_names *ret, struct cw_error *error);
CW_API void cw_names_release(struct cw_names *names);
/* Takes all away. CW_OK whether anything was stored or not. */
CW_API enum cw_status cw_dependents_delete(
	struct cw_cache *cache, struct cw_bytes key, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
