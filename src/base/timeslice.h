/* SPDX-License-Identifier: MIT */
/*
 * Time slices for work that would otherwise not park: it yields to other fibers every 1.5 ms.
 *
 *	struct timeslice timeslice = {.since_ns = clock_mono_ns()};
 *	for each piece { work; timeslice_spend(&timeslice, steps of the piece); }
 */
#ifndef CW_BASE_TIMESLICE_H
#define CW_BASE_TIMESLICE_H

#include "base/buf.h"
#include "base/fiber.h"

/* Zeroed: the first call yields. */
struct timeslice {
	int64_t since_ns; /* when the slice began */
	size_t steps;	  /* since the clock was read last */
};

/*
 * Call it after a piece of so many steps of about a microsecond each; it reads the clock every 64
 * steps and yields once the slice is used up. ERR_CANCELLED. Returns OK outside of fibers. Parks
 * now and then.
 */
enum error timeslice_spend(struct timeslice *timeslice, size_t steps);
/*
 * Sorts by bytes. Errors as timeslice_spend(); the items are sorted even after ERR_CANCELLED. Parks
 * now and then.
 */
enum error timeslice_sort(struct timeslice *timeslice, struct slice *items, size_t count);

#endif
