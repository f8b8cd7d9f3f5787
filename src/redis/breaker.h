/* SPDX-License-Identifier: MIT */
/*
 * A circuit breaker: after `failures` failures in a row nothing is tried any more, save for one
 * probe each `probe_every_ms`. A plain value that knows no clock: `now_ms` is any steady one.
 *
 *	CLOSED --failures in a row--> OPEN --probe--> HALF_OPEN --success--> CLOSED
 *	                               ^------------failure----'
 */
#ifndef CW_REDIS_BREAKER_H
#define CW_REDIS_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "redis/node.h"

struct breaker {
	enum breaker_state state;
	int64_t failures; /* in a row */
	int64_t threshold, probe_every_ms;
	int64_t probed_ms; /* when it opened, or when the last probe went out */
};

void breaker_init(struct breaker *breaker, int64_t threshold, int64_t probe_every_ms);
/* Keeps state and count. */
void breaker_configure(struct breaker *breaker, int64_t threshold, int64_t probe_every_ms);
/* Whether work may be started. */
bool breaker_admits(const struct breaker *breaker);
/* True where a probe is due now; the caller sends it and reports its outcome. */
bool breaker_probe(struct breaker *breaker, int64_t now_ms);
/*
 * All three are true where the state changed. breaker_failure counts `count` failures;
 * breaker_refused counts one that opens it whatever the threshold.
 */
bool breaker_success(struct breaker *breaker);
bool breaker_failure(struct breaker *breaker, int64_t count, int64_t now_ms);
bool breaker_refused(struct breaker *breaker, int64_t now_ms);

#endif
