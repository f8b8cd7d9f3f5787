/* SPDX-License-Identifier: MIT */
/* The clocks of unit.h: they do not count what other processes of a busy machine take. */
#include <stdio.h>
#include <time.h>

#include "unit.h"

static int64_t read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* How long this process has waited for a processor; 0 where the kernel does not tell. */
static int64_t waited_us(void)
{
	FILE *file = fopen("/proc/self/schedstat", "r");
	long long waited = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*d %lld", &waited) != 1)
		waited = 0;
	fclose(file);
	return waited / 1000;
}

int64_t unit_now_ms(void)
{
	return (read_us(CLOCK_MONOTONIC) - waited_us()) / 1000;
}

int64_t unit_cpu_us(void)
{
	return read_us(CLOCK_PROCESS_CPUTIME_ID);
}
