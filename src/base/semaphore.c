/* SPDX-License-Identifier: MIT */
/* A count and a queue; see semaphore.h. Release hands over to the first waiter: no overtaking. */
#include "base/semaphore.h"

#include <stdbool.h>

struct semaphore_waiter {
	struct semaphore_waiter *next;
	struct fiber *fiber;
	bool granted;
};

static void grant(struct semaphore *semaphore, int64_t limit)
{
	while (semaphore->first && semaphore->active < limit) {
		struct semaphore_waiter *waiter = semaphore->first;

		semaphore->first = waiter->next;
		semaphore->active++;
		waiter->granted = true;
		fiber_wake(waiter->fiber);
	}
}

static void leave_queue(struct semaphore *semaphore, struct semaphore_waiter *waiter)
{
	struct semaphore_waiter **at = &semaphore->first;

	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
}

enum error semaphore_acquire(struct semaphore *semaphore, int64_t limit, int64_t deadline)
{
	struct semaphore_waiter self = {.fiber = fiber_current()};
	struct semaphore_waiter **last = &semaphore->first;
	enum error error = OK;

	while (*last)
		last = &(*last)->next;
	*last = &self;
	grant(semaphore, limit);
	while (!self.granted && !error)
		error = fiber_park("its turn", deadline);
	if (error && self.granted)
		semaphore_release(semaphore, limit);
	else if (error)
		leave_queue(semaphore, &self);
	return error;
}

void semaphore_release(struct semaphore *semaphore, int64_t limit)
{
	semaphore->active--;
	grant(semaphore, limit);
}
