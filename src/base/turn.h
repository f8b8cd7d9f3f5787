/* SPDX-License-Identifier: MIT */
/* At most so many at once, the rest in the order in which they came. */
#ifndef CW_BASE_TURN_H
#define CW_BASE_TURN_H

#include "base/fiber.h"

struct turn_waiter;

/* Zeroed = nobody at work. */
struct turns {
	int64_t active;
	struct turn_waiter *first;
};

/*
 * OK: it is the caller's turn until turns_done(). `limit` may differ from call to call, the latest
 * counts. Parks.
 */
enum error turns_take(struct turns *turns, int64_t limit, int64_t deadline);
void turns_done(struct turns *turns, int64_t limit);

#endif
