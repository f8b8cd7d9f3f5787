/* SPDX-License-Identifier: MIT */
/* Steps are counted, for the clock costs as much as some of them. */
#include "base/rest.h"

enum { steps_at_once = 64 };
static const int64_t longest_ns = 1500000;

enum error rest_look(struct rest *rest, size_t steps)
{
	rest->steps += steps;
	if (rest->steps < steps_at_once || !fiber_current())
		return OK;
	rest->steps = 0;
	if (clock_mono_ns() - rest->since_ns < longest_ns)
		return OK;
	enum error error = fiber_yield();

	rest->since_ns = clock_mono_ns();
	return error;
}
