/* SPDX-License-Identifier: MIT */
/*
 * A circuit breaker: after `threshold` failures without a success between them it refuses all tries
 * for `open_ms`, then a few tries decide.
 *
 *	CLOSED --threshold failures--> OPEN --open_ms--> HALF_OPEN --a success--> CLOSED
 *	                                ^----all tries failed----'
 *
 * Where failures have keys (what was asked for, as a hash), a key counts once, and each try is of
 * another key: one that failed is not tried again within open_ms, so that one bad key neither opens
 * the breaker nor takes the place of the others. A plain value; `now_ms` is any steady clock.
 */
#ifndef CW_BASE_BREAKER_H
#define CW_BASE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_MAX_KEYS = 100, BREAKER_MAX_TRIES = 3 };

/* In place of a key: all failures count. */
#define BREAKER_NO_KEY UINT64_C(0)

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
const char *breaker_state_name(enum breaker_state state); /* "closed", "open", "half_open" */

/* Zeroed and configured = closed. */
struct breaker {
	int64_t threshold, open_ms;
	unsigned max_tries; /* at a time, while half-open */

	int64_t failures; /* since the last success */
	uint64_t keys[BREAKER_MAX_KEYS];
	unsigned key_count;
	bool open; /* or half-open, from half_open_at_ms on */
	int64_t half_open_at_ms;
	struct breaker_try {
		uint64_t key;
		int64_t retry_at_ms; /* it has failed: not before */
		bool running;
	} tries[BREAKER_MAX_TRIES];
	unsigned try_count;
};

/* One that has opened, or closed again; half-open counts as open. */
struct breaker_change {
	const char *of;	  /* "redis", "source" */
	const char *name; /* the server's address, or the source's name */
	bool open;
	int64_t failures; /* in a row */
};

/* Keeps state and counts. With keys `threshold` is at most BREAKER_MAX_KEYS. */
void breaker_configure(
	struct breaker *breaker, int64_t threshold, int64_t open_ms, unsigned max_tries);
enum breaker_state breaker_state(const struct breaker *breaker, int64_t now_ms);
/*
 * Whether `key` may be tried now; then breaker_succeeded, _failed or _left follows. If not,
 * *ret_wait_ms is how long it has to wait at least; 0 = for others that are being tried.
 */
bool breaker_enter(struct breaker *breaker, uint64_t key, int64_t now_ms, int64_t *ret_wait_ms);
/* Closes it. */
void breaker_succeeded(struct breaker *breaker);
/* `weight` failures; with a key it counts as one. */
void breaker_failed(struct breaker *breaker, uint64_t key, int64_t weight, int64_t now_ms);
/* One failure that opens it whatever the threshold. */
void breaker_trip(struct breaker *breaker, int64_t now_ms);
/* The try ended without a result. */
void breaker_left(struct breaker *breaker, uint64_t key);

#endif
