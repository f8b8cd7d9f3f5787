/* SPDX-License-Identifier: MIT */
/* Arguments of calls: checks, and conversions to the engine's types. */
#ifndef CW_LIB_ARGS_H
#define CW_LIB_ARGS_H

#include "cache/entry.h"
#include "lib/handle.h"

static inline struct slice args_slice(struct cw_bytes bytes)
{
	return (struct slice){bytes.data, bytes.size};
}

/* The items of a list, borrowed; the caller frees the array with mem_free(). */
struct slice *args_slices(struct cw_list list);
/* A valid key that the program may use. */
enum error args_check_key(const struct cw_cache *handle, struct cw_bytes key, struct fault *fault);
/* 1 to `most` such keys. */
enum error args_check_keys(
	const struct cw_cache *handle, struct cw_list keys, size_t most, struct fault *fault);
/* At most ENTRY_MANY_TAGS valid tags. */
enum error args_check_tags(struct cw_list tags, struct fault *fault);
/* *ret_ms: milliseconds, -1 (no expiry) or 0 (the default of the key's namespace). */
enum error args_check_ttl(int64_t seconds, int64_t *ret_ms, struct fault *fault);
/* Checks all members; the caller frees ret->tags with mem_free(). */
enum error args_write(const struct cw_cache *handle, const struct cw_entry *entry,
	struct entry_write *ret, struct fault *fault);

/* In value.c. Milliseconds as seconds, rounded up; 0 and negative ones stay as they are. */
int64_t value_ttl(int64_t ms);
/* A copy that the program owns. */
void value_copy(struct slice bytes, struct cw_value *ret);

#endif
