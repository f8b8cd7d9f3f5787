/* SPDX-License-Identifier: MIT */
/* The two clocks and their fake; see clock.h. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static _Thread_local const struct clock_fake *fake;

static int64_t read_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_mono_ns(void)
{
	return fake ? fake->mono_ns : read_ns(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_ns() / 1000000;
}

int64_t clock_wall_ms(void)
{
	return fake ? fake->wall_ms : read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_deadline(int64_t delay_ms)
{
	int64_t deadline;

	if (delay_ms < 0 || __builtin_add_overflow(clock_mono_ms(), delay_ms, &deadline))
		return DEADLINE_NONE;
	return deadline;
}

void clock_use_fake(const struct clock_fake *replacement)
{
	fake = replacement;
}
