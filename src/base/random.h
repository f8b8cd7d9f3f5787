/* SPDX-License-Identifier: MIT */
/*
 * Cheap pseudo-random numbers, for spreading expiries and retries. They can be predicted: use
 * crypto_random() for secrets. xorshift64* (Vigna: An experimental exploration of Marsaglia's
 * xorshift generators, scrambled, 2016).
 */
#ifndef CW_BASE_RANDOM_H
#define CW_BASE_RANDOM_H

#include <stdint.h>

/* Uniform over 0 < x < 1. *state begins with the seed. */
double random_unit(uint64_t *state);

#endif
