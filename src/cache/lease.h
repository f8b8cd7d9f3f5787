/* SPDX-License-Identifier: MIT */
/*
 * Leases: of all who miss a key, one loads. And no stale store: what was loaded before an
 * invalidation of its key, pattern or tag does not stay.
 *
 *	take:  last id of cw:inval, then SET cw:lease:{0}:<key> "<token> <id>" NX PX
 *	store: script: token still there? ZADD tags, SET key value PX 5000
 *	       read cw:inval from the id on: nothing that names key or tags?
 *	       yes: script: token still there? PEXPIRE key <full>, DEL lease
 *	       no (a match, the id trimmed, no answer): UNLINK key, DEL lease
 *
 * Whoever dies in between leaves a value that ends by itself after 5 s.
 */
#ifndef CW_CACHE_LEASE_H
#define CW_CACHE_LEASE_H

#include "cache/entry.h"
#include "cache/token.h"

enum { LEASE_PROVISIONAL_MS = 5000, LEASE_MAX_MS = 300000 };

struct lease {
	char token[TOKEN_DIGITS + 1]; /* hex digits; "" = somebody else has it */
};

/*
 * Appends the name of the key's lease. A plain write deletes it together with its SET, so that a
 * load that began before the write does not overwrite it.
 */
void lease_key(const struct cw *cw, struct slice key, struct buf *out);

/* OK: look whether ret->token is empty. ms: how long the load may take, and what it needs to store.
 * Parks. */
enum error lease_take(
	struct cw *cw, struct slice key, int64_t ms, struct lease *ret, struct fault *fault);
/* Whether anybody has one for the key. Parks. */
enum error lease_taken(struct cw *cw, struct slice key, bool *ret, struct fault *fault);
/*
 * Stores what was loaded under it, and ends it. ERR_LEASE_LOST: it ended or is not this one;
 * nothing was stored. *ret_kept says whether the value stayed: false where an invalidation came in
 * between. Parks.
 */
enum error lease_store(struct cw *cw, struct slice token, const struct entry_write *write,
	bool *ret_kept, struct fault *fault);
/*
 * Gives it back without a value; OK also where it has ended or is not this one. Parks; works in
 * cleanup sections.
 */
enum error lease_release(struct cw *cw, struct slice key, struct slice token, struct fault *fault);

#endif
