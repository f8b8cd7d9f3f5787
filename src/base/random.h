/* SPDX-License-Identifier: MIT */
/*
 * Numbers that spread things, such as expiries: cheap, and to be guessed by whoever tries. For
 * secrets there is crypto_random(). xorshift64* (Vigna: An experimental exploration of Marsaglia's
 * xorshift generators, scrambled, 2016).
 */
#ifndef CW_BASE_RANDOM_H
#define CW_BASE_RANDOM_H

#include <stdint.h>

/* 0 < x < 1, each as likely; moves *state on, whose first value is the seed. */
double random_unit(uint64_t *state);

#endif
