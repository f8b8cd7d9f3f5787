/* SPDX-License-Identifier: MIT */
/* Which keys a command of our own has looked up, as its reply tells. */
#ifndef CW_REDIS_OWN_LOOKUPS_H
#define CW_REDIS_OWN_LOOKUPS_H

#include "redis/pipeline.h"

/* A key, and how many lookups of it were hits and misses. */
typedef void own_lookups_told(void *context, struct slice key, int hits, int misses);

/*
 * Calls told() for the keys of a command, or of the transaction that it ends. What a script looks
 * up counts for its first key.
 */
void own_lookups_tell(const struct pipeline *pipeline, const struct pipeline_slot *slot,
	const struct redis_value *reply, own_lookups_told *told, void *context);

#endif
