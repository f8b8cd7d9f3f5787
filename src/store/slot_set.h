/* SPDX-License-Identifier: MIT */
/* A set of slots, one bit each. Zeroed = empty. */
#ifndef CW_STORE_SLOT_SET_H
#define CW_STORE_SLOT_SET_H

#include "store/slot.h"

struct slot_set {
	uint64_t words[SLOT_COUNT / 64];
};

static inline bool slot_set_has(const struct slot_set *set, unsigned slot)
{
	return set->words[slot / 64] >> (slot % 64) & 1;
}

static inline void slot_set_add(struct slot_set *set, unsigned slot)
{
	set->words[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static inline bool slot_set_empty(const struct slot_set *set)
{
	for (unsigned i = 0; i < SLOT_COUNT / 64; i++)
		if (set->words[i])
			return false;
	return true;
}

#endif
