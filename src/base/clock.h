/* SPDX-License-Identifier: MIT */
/*
 * Time. Deadlines and durations use the monotonic clock, schedules and dates the wall clock.
 *
 * A deadline is an absolute monotonic time in milliseconds; DEADLINE_NONE is never reached. Tests
 * may replace both clocks for their own thread.
 */
#ifndef CW_BASE_CLOCK_H
#define CW_BASE_CLOCK_H

#include <stdint.h>

#define DEADLINE_NONE INT64_MAX

int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);
int64_t clock_wall_ms(void); /* since 1970-01-01 UTC */
/* The deadline `delay_ms` from now; a negative delay gives DEADLINE_NONE. */
int64_t clock_deadline(int64_t delay_ms);

struct clock_fake {
	int64_t mono_ns;
	int64_t wall_ms;
};

/* From now on this thread reads *replacement, which the caller owns and changes; NULL ends it. */
void clock_use_fake(const struct clock_fake *replacement);

#endif
