/* SPDX-License-Identifier: MIT */
/* A semaphore for fibers: a limited number at once, the others in order of arrival. */
#ifndef CW_BASE_SEMAPHORE_H
#define CW_BASE_SEMAPHORE_H

#include "base/fiber.h"

struct semaphore_waiter;

/* Zeroed = not held. */
struct semaphore {
	int64_t active;
	struct semaphore_waiter *first;
};

/*
 * OK: the caller holds it until semaphore_release(). `limit` may differ from call to call; the
 * latest one counts. Parks.
 */
enum error semaphore_acquire(struct semaphore *semaphore, int64_t limit, int64_t deadline);
void semaphore_release(struct semaphore *semaphore, int64_t limit);

#endif
