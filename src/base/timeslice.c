/* SPDX-License-Identifier: MIT */
/* Yielding by the clock; see timeslice.h. Reading the clock costs as much as some steps. */
#include "base/timeslice.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/min.h"

enum { steps_at_once = 64, sorted_at_once = 64 };
static const int64_t longest_ns = 1500000;

enum error timeslice_spend(struct timeslice *timeslice, size_t steps)
{
	timeslice->steps += steps;
	if (timeslice->steps < steps_at_once || !fiber_current())
		return OK;
	timeslice->steps = 0;
	if (clock_mono_ns() - timeslice->since_ns < longest_ns)
		return OK;
	enum error error = fiber_yield();

	timeslice->since_ns = clock_mono_ns();
	return error;
}

/* Two sorted runs, `left` items and those behind them, become one in `to`. */
static enum error merge(struct timeslice *timeslice, const struct slice *from, size_t left,
	size_t count, struct slice *to)
{
	enum error error = OK;

	for (size_t i = 0, j = left, at = 0; at < count; at++) {
		bool first = i < left && (j == count || slice_compare(from[i], from[j]) <= 0);

		to[at] = first ? from[i++] : from[j++];
		if (timeslice_spend(timeslice, 1))
			error = ERR_CANCELLED;
	}
	return error;
}

enum error timeslice_sort(struct timeslice *timeslice, struct slice *items, size_t count)
{
	struct slice *other = mem_array(count, sizeof *other), *from = items, *to = other;
	enum error error = OK;

	for (size_t i = 0; i < count; i += sorted_at_once) {
		size_t n = min_size(sorted_at_once, count - i);

		qsort(items + i, n, sizeof *items, slice_compare_items);
		if (timeslice_spend(timeslice, n))
			error = ERR_CANCELLED;
	}
	for (size_t run = sorted_at_once; run < count; run *= 2) {
		for (size_t i = 0; i < count; i += 2 * run) {
			size_t n = min_size(2 * run, count - i);

			if (merge(timeslice, from + i, min_size(run, n), n, to + i))
				error = ERR_CANCELLED;
		}
		struct slice *sorted = to;
		to = from;
		from = sorted;
	}
	if (from != items)
		memcpy(items, from, count * sizeof *items);
	mem_free(other);
	return error;
}
