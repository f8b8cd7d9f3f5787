/* SPDX-License-Identifier: MIT */
/* From what a program gives to what the engine takes. */
#ifndef CW_LIB_LISTS_H
#define CW_LIB_LISTS_H

#include "cache/entry.h"
#include "lib/handle.h"

/* The caller frees it. */
struct slice *list_slices(struct cw_list list);
/* A key that the program may touch. */
enum error check_key(const struct cw_cache *handle, struct cw_bytes key, struct fault *fault);
/* 1 to `most` such keys. */
enum error check_keys(
	const struct cw_cache *handle, struct cw_list keys, size_t most, struct fault *fault);
enum error check_tags(struct cw_list tags, struct fault *fault);
/* Milliseconds, -1, or 0 for the namespace's. */
enum error check_ttl(int64_t seconds, int64_t *ret_ms, struct fault *fault);
/* Seconds, rounded up, from milliseconds that may be -1. */
int64_t ttl_seconds(int64_t ms);

/* All of it checked; the caller frees ret->tags. */
enum error write_of(const struct cw_cache *handle, const struct cw_entry *entry,
	struct entry_write *ret, struct fault *fault);
/* A copy that the program owns. */
void value_of(struct slice bytes, struct cw_value *ret);

#endif
