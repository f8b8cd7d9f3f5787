/* SPDX-License-Identifier: MIT */
/*
 * Results: read-through with stampede protection, over all daemons and libraries on one Redis.
 *
 *	begin: fresh              -> HIT
 *	       due for an early refresh, or stale, and we got the lease -> the caller loads
 *	       stale otherwise    -> STALE
 *	       absent, lease ours -> the caller loads
 *	       absent, lease taken-> wait (one poller per key and process) -> HIT, or take it over
 *	       Redis is away      -> BYPASS: the caller loads, nothing is stored
 *	finish: store under the lease (lease.h), or, where the load failed: the stale value, if any
 *
 * Early refresh is XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede
 * Prevention, VLDB 2015) with the load time that the caller has measured.
 */
#ifndef CW_CACHE_RESULT_H
#define CW_CACHE_RESULT_H

#include "cache/lease.h"

enum { RESULT_MAX_WAITERS = 10000 };

/* All borrowed until result_end(). */
struct result_request {
	struct slice key;
	int64_t ttl_ms; /* as in entry_write */
	const struct slice *tags;
	size_t tag_count;
	int64_t load_ms;       /* how long a load may take; the lease is that + 2 s */
	int64_t usual_load_ms; /* what loads took lately, for the early refresh; 0 = not known */
	int64_t deadline;      /* of the waiting */
	int64_t absent_ms;     /* how long it is remembered that there is nothing; 0 = not */
};

enum result_state {
	RESULT_HIT,
	RESULT_STALE,  /* usable; another load refreshes it, or the load has failed */
	RESULT_LOAD,   /* the caller must load, then finish or fail; a stale value may be there */
	RESULT_MISS,   /* loaded and stored */
	RESULT_BYPASS, /* Redis is away: load, finish stores nothing */
	RESULT_ABSENT, /* a load has found that there is nothing, and that is remembered */
};

struct result;

/* ERR_OVERLOADED past RESULT_MAX_WAITERS, ERR_TIMEOUT, ERR_WRONG_TYPE, ... Parks. */
enum error result_begin(struct cache *cache, const struct result_request *request,
	struct result **ret, struct fault *fault);
enum result_state result_state(const struct result *result);
/* What that load said, where the state is ABSENT. */
const struct fault *result_absent(const struct result *result);
/* Whether there is a (stale or fresh) value; it belongs to the result. */
bool result_value(const struct result *result, struct slice *ret);
/* As shown: -2 where nothing is stored, -1 no expiry, 0 stale. */
int64_t result_ttl_ms(const struct result *result);
/* Seconds since it was stored where its TTL tells, else -1. */
int64_t result_age_seconds(const struct result *result);
/*
 * Takes a loaded value. State MISS (or BYPASS) then; the value is copied where it is kept. A
 * failure to store it is not an error for the caller: `fault` (not NULL) says so, error OK where
 * all went well. Parks.
 */
void result_finish(struct result *result, struct slice value, struct fault *fault);
/*
 * The load failed: gives the lease back. State STALE or HIT where there is a value. All waiters,
 * also in other processes, get the same error; where `why` is NULL, one of them loads
 * instead. With ERR_NO_VALUE the stored value is removed, too, and absent_ms begin. Parks.
 */
void result_fail(struct result *result, const struct fault *why);
/* Counts the stale value as served, for a caller that returns it while it loads; at most once. */
void result_served(struct result *result);
/* Ends it; a lease that was neither finished nor failed is given back. May be NULL. Parks. */
void result_end(struct result *result);

/* For the engine: the waiters. */
struct results *results_new(void);
/* How many requests wait for loads. */
size_t results_waiting(const struct results *results);
void results_free(struct results *results);

#endif
