/* SPDX-License-Identifier: MIT */
/* Replies to the parts of one command, which several servers gave, as the reply to the whole. */
#ifndef CW_STORE_VALUE_JOIN_H
#define CW_STORE_VALUE_JOIN_H

#include "redis/value.h"

/*
 * Adds the reply to a part to *whole (NULL before the first one) and takes it over: numbers are
 * added; items of an array get the places of their keys. `keys`: the part's keys, numbered from 1
 * to `all`. An error reply becomes that of the whole. ERR_REDIS_PROTOCOL: the part is neither, or
 * has another number of items.
 */
enum error value_join(struct redis_value **whole, struct redis_value *part, const uint32_t *keys,
	size_t count, size_t all, struct fault *fault);

#endif
