/* SPDX-License-Identifier: MIT */
/*
 * Which numbers a command can be answered with. A damaged server, or a proxy, may answer with any
 * 64-bit number; the reader cuts each to REDIS_MOST_NUMBER, so that sums and differences of two do
 * not overflow, and a reply that its command cannot have is refused as ERR_REDIS_PROTOCOL.
 */
#ifndef CW_REDIS_BOUNDS_H
#define CW_REDIS_BOUNDS_H

#include "redis/value.h"

/* Both ends belong to it. */
struct bounds {
	int64_t least, most;
};

/* Of a command with its arguments. */
struct bounds bounds_of(struct slice command, size_t argc);
/* ERR_REDIS_PROTOCOL where the reply is a number outside. Numbers in arrays are not looked at. */
enum error bounds_check(
	const struct bounds *bounds, const struct redis_value *reply, struct fault *fault);

#endif
