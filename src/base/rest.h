/* SPDX-License-Identifier: MIT */
/*
 * Rests for work that would otherwise not park: others have their turn every 1.5 ms.
 *
 *	struct rest rest = {.since_ns = clock_mono_ns()};
 *	for each piece { work; rest_look(&rest, steps of the piece); }
 */
#ifndef CW_BASE_REST_H
#define CW_BASE_REST_H

#include "base/buf.h"
#include "base/fiber.h"

/* Zeroed: a rest is due at the first look. */
struct rest {
	int64_t since_ns; /* when others last had their turn */
	size_t steps;	  /* since the last look at the clock */
};

/*
 * Behind a piece of so many steps of a microsecond or so; the clock is looked at every 64. OK also
 * outside of fibers, where nobody waits. ERR_CANCELLED. Parks now and then.
 */
enum error rest_look(struct rest *rest, size_t steps);
/* Sorts by bytes; as rest_look(), and sorted also where that is ERR_CANCELLED. Parks now and then.
 */
enum error rest_sort(struct rest *rest, struct slice *items, size_t count);

#endif
