/* SPDX-License-Identifier: MIT */
/*
 * Leases: of all clients that miss a key, one loads it. No stale store: a value that was loaded
 * before an invalidation of its key, pattern or tag is not kept.
 *
 *	take:  last id of cw:inval, then SET cw:lease:{0}:<key> "<token> <id>" NX PX
 *	store: script: token still there, and nothing in cw:inval from the id on names key or tags?
 *	       yes: ZADD tags, SET key value, DEL lease
 *	       no (a match, the id trimmed): DEL lease
 *
 * Judging and storing are one step, so no read that begins after an invalidation is complete finds
 * an older value: lease_store.c. Over several servers they cannot be: lease_steps.c. A lease whose
 * store the log would refuse is over: the next that wants it takes it at once.
 *
 * If the holder dies, Redis ends the lease after lease_want.ms. Those that wait for it notice that
 * within 100 ms (result_wait.c), and one of them takes it.
 *
 *	fail:  script: token still there? DEL lease, cw:failed:{0}:<key> = why + the lease's value
 *
 * What it failed with is for the waiters for that lease, on whichever daemon, for some seconds;
 * that there is nothing to be loaded may be remembered for longer (lease_absent()).
 */
#ifndef CW_CACHE_LEASE_H
#define CW_CACHE_LEASE_H

#include "cache/entry.h"
#include "cache/owner.h"

enum { LEASE_PROVISIONAL_MS = 5000, LEASE_FAILED_MS = 5000, LEASE_MAX_MS = 300000 };

struct lease {
	char token[OWNER_TOKEN_DIGITS + 1];  /* hex digits; "" = another has it */
	char holder[OWNER_TOKEN_DIGITS + 1]; /* that one's token; "" = it has just ended */
};

/*
 * Appends the name of the key's lease. A plain write deletes it together with its SET, so that a
 * load that began before the write does not overwrite it.
 */
void lease_key(const struct cache *cache, struct slice key, struct buf *out);
/*
 * Appends the name of what is kept of the key's last failed load. A write deletes it, too, so that
 * what was not there is not held to be absent once it has been.
 */
void lease_failed_key(const struct cache *cache, struct slice key, struct buf *out);

/* What a lease is wanted for. Borrowed. */
struct lease_want {
	struct slice key;
	const struct slice *tags; /* of the value that will be stored, where they are known */
	size_t tag_count;
	int64_t ms; /* how long the load may take, and what it needs to store */
};

/* OK: look whether ret->token is empty. On an error none is left behind. Parks. */
enum error lease_take(
	struct cache *cache, const struct lease_want *want, struct lease *ret, struct fault *fault);

/* What becomes of a key's lease, for the waiters for it. */
struct lease_watch {
	bool taken;
	char failed[OWNER_TOKEN_DIGITS + 1]; /* the token of the last load that failed; "" = none */
	struct fault why;		     /* and what it failed with */
};

/* Parks. */
enum error lease_watch(
	struct cache *cache, struct slice key, struct lease_watch *ret, struct fault *fault);
/*
 * Whether the last load under a lease found that there is nothing to be loaded, `remember_ms` (of
 * lease_fail()) have not passed, and nothing has written the key or invalidated it, a pattern or
 * one of the tags of that load since it began. *why says what the load said. Parks.
 */
bool lease_absent(struct cache *cache, struct slice key, struct fault *why);
/*
 * Stores what was loaded under it, and ends it. ERR_LEASE_LOST: it ended or is not this one;
 * nothing was stored. *ret_kept says whether the value stayed: false where an invalidation came in
 * between. Parks.
 */
enum error lease_store(struct cache *cache, struct slice token, const struct entry_write *write,
	bool *ret_kept, struct fault *fault);
/* How a load has failed. */
struct lease_failure {
	const struct fault *why;
	int64_t remember_ms;  /* for lease_absent(); 0 = not */
	int64_t drop_pttl_ms; /* the stored value goes if its PTTL is at most that; -1 = it stays */
};

/*
 * Ends it and tells its waiters why; nothing is done where it has ended or is not this
 * one. *ret_dropped says whether a stored value went. Parks; works in cancelled fibers.
 */
void lease_fail(struct cache *cache, struct slice key, struct slice token,
	const struct lease_failure *failure, bool *ret_dropped);
/*
 * Gives it back without a value; OK also where it has ended or is not this one. Parks; works in
 * cancelled fibers.
 */
enum error lease_release(
	struct cache *cache, struct slice key, struct slice token, struct fault *fault);

#endif
