/* SPDX-License-Identifier: MIT */
/* Leases over HTTP for applications that load values themselves: one loads, the others wait. */
#ifndef CW_API_KEYS_LEASE_H
#define CW_API_KEYS_LEASE_H

#include "api/app.h"
#include "cache/entry.h"

/* Seconds of ?lease=; 0 = none. ERR_BAD_PARAMETER. */
enum error keys_lease_wanted(struct request *request, int64_t *ret_s, struct fault *fault);
/*
 * For a GET that found no value, or a stale one: answers 404 with a lease of `seconds`, or with
 * Retry-After, and returns true. False: the caller answers with `entry`, which may have been read
 * again. Parks.
 */
bool keys_lease_answer(struct request *request, struct app *app, struct slice key, int64_t seconds,
	struct entry *entry);
/*
 * After a refused PUT: releases the lease that the request names, so that another caller may load.
 * Does nothing if it names none, or not the current one. Parks.
 */
void keys_lease_refused(struct request *request, struct cache *cache, struct slice key);
/*
 * PUT under the lease `token`. ERR_LEASE_LOST, with nothing stored, if the lease has ended, or if
 * the key was invalidated while its value was loaded. Parks.
 */
enum error keys_lease_put(struct cache *cache, struct slice token, const struct entry_write *write,
	enum entry_outcome *ret, struct fault *fault);

#endif
