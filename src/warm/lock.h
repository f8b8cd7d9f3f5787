/* SPDX-License-Identifier: MIT */
/*
 * Coordination between daemons: one run of a job at a time, and each scheduled run once.
 *
 *	cw:run:<job>          "<token>:<operation id>"  PX 10 s, renewed every 3 s by its owner
 *	cw:fire:<job>:<time>  "<token>"                 the receipt of a scheduled run; expires
 *
 * The lock is a lease: after a daemon was unreachable for longer than the lease lasts, a second run
 * may work beside its own. That costs work only: storing an entry twice does no harm.
 */
#ifndef CW_WARM_LOCK_H
#define CW_WARM_LOCK_H

#include "cache/owner.h"

enum { LOCK_TTL_MS = 10000, LOCK_RENEW_MS = 3000, LOCK_OPERATION = 40 };

struct lock;

/*
 * Claims it a second time if the first claim had no answer. OK with *ret = the lock; or *ret =
 * NULL: the lock is held, and `holder` gets the id of the holder's operation, "" until the holder
 * has named it. Other errors are Redis's. Parks.
 */
enum error lock_take(struct cache *cache, struct slice job, struct lock **ret,
	char holder[LOCK_OPERATION], struct fault *fault);
/* Writes the operation's id into it and renews it from now on, in a fiber of its own. */
void lock_keep(struct lock *lock, const char *operation_id);
/* Whether another daemon has taken it. */
bool lock_lost(const struct lock *lock);
/*
 * Deletes it in Redis and frees it. May be NULL. Parks; in a cleanup section where the fiber may be
 * cancelled.
 */
void lock_release(struct lock *lock);
/* Frees a lock that lock_keep() never got, without a command to Redis: it expires there. */
void lock_abandon(struct lock *lock);

/* The receipt of one scheduled run. */
struct lock_receipt {
	struct slice job;
	int64_t nominal_wall_ms;
	int64_t ttl_ms;
	char token[OWNER_TOKEN_DIGITS + 1];
};
/*
 * *ret_won: whether the receipt has our token. Calling again with the same token gives the same
 * answer, so that a lost reply does no harm. Parks.
 */
enum error lock_receipt_take(struct cache *cache, const struct lock_receipt *receipt, bool *ret_won,
	struct fault *fault);

#endif
