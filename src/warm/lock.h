/* SPDX-License-Identifier: MIT */
/*
 * Over all daemons: one run of a job at a time, and each fire of a schedule once.
 *
 *	cw:run:<job>          "<token>:<operation>"  PX 10 s, renewed every 3 s by its owner
 *	cw:fire:<job>:<time>  "<token>"              a receipt that ends by itself
 *
 * The lock is a lease: a daemon that was away for longer than it lasts may find a second run
 * beside its own. That costs work and nothing else, for storing an entry twice is storing it once.
 */
#ifndef CW_WARM_LOCK_H
#define CW_WARM_LOCK_H

#include "cache/owner.h"

enum { LOCK_TTL_MS = 10000, LOCK_RENEW_MS = 3000, LOCK_OPERATION = 40 };

struct lock;

/*
 * OK with *ret = the lock; or *ret = NULL: somebody has it, and `holder` gets the id of his
 * operation, "" while he has not named it. Other errors are Redis's. Parks.
 */
enum error lock_take(struct cache *cache, struct slice job, struct lock **ret,
	char holder[LOCK_OPERATION], struct fault *fault);
/* Names the operation in it and renews it from now on, in a fiber of its own. */
void lock_keep(struct lock *lock, const char *operation_id);
/* Somebody else has taken it. */
bool lock_lost(const struct lock *lock);
/* Gives it back. NULL is welcome. Parks; in a cleanup section where the fiber may be cancelled. */
void lock_release(struct lock *lock);
/* Forgets one that was never kept, without a word to Redis: it ends by itself. */
void lock_abandon(struct lock *lock);

/*
 * *ret_won says whether this fire is ours. Asking again with the same token gives the same answer,
 * so that a lost reply does no harm. Parks.
 */
struct receipt {
	struct slice job;
	int64_t nominal_wall_ms;
	int64_t ttl_ms;
	char token[OWNER_TOKEN_DIGITS + 1];
};
enum error receipt_take(
	struct cache *cache, const struct receipt *receipt, bool *ret_won, struct fault *fault);

#endif
