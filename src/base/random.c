/* SPDX-License-Identifier: MIT */
/* The next number; see random.h. */
#include "base/random.h"

double random_unit(uint64_t *state)
{
	/* 0 would stay 0. */
	uint64_t x = *state ? *state : 1;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return ((double)((x * 0x2545F4914F6CDD1DULL) >> 11) + 0.5) / (double)(UINT64_C(1) << 53);
}
