/* SPDX-License-Identifier: MIT */
/* Leases over HTTP, for applications that load by themselves: one loads, the others wait. */
#ifndef CW_API_KEYS_LEASE_H
#define CW_API_KEYS_LEASE_H

#include "api/app.h"
#include "cache/entry.h"

/* Seconds of ?lease=; 0 = none. ERR_BAD_PARAMETER. */
enum error keys_lease_wanted(struct request *request, int64_t *ret_s, struct fault *fault);
/*
 * For a GET that found nothing, or a stale value: answers 404 with a lease of so many seconds, or
 * with a time to come again, and returns true. False: `entry` is to be answered as it is (it may
 * have been read again). Parks.
 */
bool keys_lease_answer(struct request *request, struct app *app, struct slice key, int64_t seconds,
	struct entry *entry);
/*
 * A PUT was refused: the lease that it names stores nothing any more, and is given back so that
 * another caller may load. Nothing is done where it names none, or another one. Parks.
 */
void keys_lease_refused(struct request *request, struct cache *cache, struct slice key);
/*
 * PUT under the lease `token`. ERR_LEASE_LOST where it is not alive, or where the key was
 * invalidated while its value was loaded: nothing is stored then. Parks.
 */
enum error keys_lease_put(struct cache *cache, struct slice token, const struct entry_write *write,
	enum entry_outcome *ret, struct fault *fault);

#endif
