/* SPDX-License-Identifier: MIT */
/* A counting gate with a queue; see turn.h. A turn is handed over, so that nobody overtakes. */
#include "base/turn.h"

#include <stdbool.h>

struct turn_waiter {
	struct turn_waiter *next;
	struct fiber *fiber;
	bool granted;
};

static void grant(struct turns *turns, int64_t limit)
{
	while (turns->first && turns->active < limit) {
		struct turn_waiter *waiter = turns->first;

		turns->first = waiter->next;
		turns->active++;
		waiter->granted = true;
		fiber_wake(waiter->fiber);
	}
}

static void leave_queue(struct turns *turns, struct turn_waiter *waiter)
{
	struct turn_waiter **at = &turns->first;

	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
}

enum error turns_take(struct turns *turns, int64_t limit, int64_t deadline)
{
	struct turn_waiter self = {.fiber = fiber_current()};
	struct turn_waiter **last = &turns->first;
	enum error error = OK;

	while (*last)
		last = &(*last)->next;
	*last = &self;
	grant(turns, limit);
	while (!self.granted && !error)
		error = fiber_park("its turn", deadline);
	if (error && self.granted)
		turns_done(turns, limit);
	else if (error)
		leave_queue(turns, &self);
	return error;
}

void turns_done(struct turns *turns, int64_t limit)
{
	turns->active--;
	grant(turns, limit);
}
