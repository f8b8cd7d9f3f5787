/* SPDX-License-Identifier: MIT */
/* The smaller of two numbers. */
#ifndef CW_BASE_MIN_H
#define CW_BASE_MIN_H

#include <stddef.h>
#include <stdint.h>

static inline int64_t min_int64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

#endif
