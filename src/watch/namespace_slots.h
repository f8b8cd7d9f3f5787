/* SPDX-License-Identifier: MIT */
/*
 * Which slots of a cluster have the most keys, or are used most: told by CLUSTER SLOT-STATS (Valkey
 * 8, Redis 8.4), else by the sample of the keys.
 */
#ifndef CW_WATCH_NAMESPACE_SLOTS_H
#define CW_WATCH_NAMESPACE_SLOTS_H

#include "redis/value.h"
#include "store/slot.h"

enum { NAMESPACE_SLOTS_MAX = 20 };

struct namespace_slot {
	unsigned slot;
	uint64_t keys;			     /* in the slot; of the sample: keys of the sample */
	int64_t cpu_us, in_bytes, out_bytes; /* since the server's start; -1 = not known */
};

/* Zeroed = empty. */
struct namespace_slots {
	uint32_t *sampled; /* SLOT_COUNT; NULL until a key was added */
	bool told;	   /* a server has answered SLOT-STATS */
	/* Those with the most keys, and those with the most time of the processor. */
	struct namespace_slot largest[NAMESPACE_SLOTS_MAX], busiest[NAMESPACE_SLOTS_MAX];
	size_t largest_count, busiest_count;
};

/* A key of the sample. */
void namespace_slots_add(struct namespace_slots *slots, struct slice key);
/* The reply of a server; true if it is of the right form. */
bool namespace_slots_tell(struct namespace_slots *slots, const struct redis_value *reply);
/* After the last key: the largest by the sample, if no server has told. */
void namespace_slots_end(struct namespace_slots *slots);
void namespace_slots_release(struct namespace_slots *slots);

#endif
