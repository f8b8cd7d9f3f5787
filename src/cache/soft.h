/* SPDX-License-Identifier: MIT */
/*
 * Soft purge: a value becomes stale instead of going away. In a namespace with stale_for a value is
 * stale once its PTTL is at most stale_for, so that is what it gets, unless it has less already.
 */
#ifndef CW_CACHE_SOFT_H
#define CW_CACHE_SOFT_H

#include "cache/cw.h"

enum soft_outcome {
	SOFT_ABSENT,
	SOFT_CHANGED, /* it is stale from now on */
	SOFT_KEPT,    /* it was stale already */
};

/* Adds the one command. stale_for_ms > 0. Its reply is for soft_outcome(). */
void soft_add(struct redis_batch *batch, struct slice key, int64_t stale_for_ms);
enum error soft_outcome(
	const struct redis_value *reply, enum soft_outcome *ret, struct fault *fault);

#endif
