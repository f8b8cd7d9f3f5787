/* SPDX-License-Identifier: MIT */
/*
 * Tags: names for groups of keys, kept in Redis where any application can add to them.
 *
 *	cw:tag:<tag>   ZSET   member = key, score = when it expires (Unix ms), +inf = never
 *
 * A client that stores a value under a tag sends ZADD first, then SET (one MULTI on one server). A
 * purge removes values and leaves the members; only the pruner removes members. So no live value is
 * ever out of its tag's reach:
 *
 *	visit 1: key absent -> a script sets the score to the mark (negative) if it is unchanged
 *	visit 2, prune_every later: still absent and still marked -> a script removes the member
 *	writer in between: its ZADD took the mark away
 *
 * A score in the past is a hint where to look, never a licence to remove.
 */
#ifndef CW_CACHE_TAG_H
#define CW_CACHE_TAG_H

#include "cache/cache.h"

enum { TAG_MAX_BYTES = 256 };

/*
 * ERR_BAD_BODY for a tag that is empty, longer than TAG_MAX_BYTES, not UTF-8, or that holds a
 * control byte (0x00 to 0x1f, 0x7f). Any other text is a tag; what headers need beyond that is
 * their parser's rule.
 */
enum error tag_check(struct slice tag, struct fault *fault);
/* Appends the key of its set. */
void tag_key(const struct cache *cache, struct slice tag, struct buf *out);
/* Appends the score of a member whose value is stored now. px_ms as in SET, -1 = no expiry. */
void tag_score(int64_t px_ms, struct buf *out);
/*
 * Adds one ZADD per tag to the batch, before the SET of `key` that the caller adds. px_ms as in
 * SET, -1 = no expiry. Returns how many commands that were.
 */
size_t tag_add(struct cache *cache, struct redis_batch *batch, struct slice key, int64_t px_ms,
	const struct slice *tags, size_t count);
/*
 * Tags keys that are there already, with the expiry that each has. *ret_tagged counts the keys that
 * exist; absent ones are left out. Keys a hundred at a time, on the bulk connection. Parks.
 */
enum error tag_existing(struct cache *cache, const struct slice *tags, size_t tag_count,
	const struct slice *keys, size_t key_count, size_t *ret_tagged, struct fault *fault);

#endif
