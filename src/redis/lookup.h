/* SPDX-License-Identifier: MIT */
/*
 * Our own lookups: what a command of ours adds to Redis's keyspace_hits and keyspace_misses, told
 * from its reply, so that hit rates can be the applications' alone.
 */
#ifndef CW_REDIS_LOOKUP_H
#define CW_REDIS_LOOKUP_H

#include "redis/value.h"

enum lookup {
	LOOKUP_NONE,
	LOOKUP_VALUE,  /* nil or empty = a miss */
	LOOKUP_EACH,   /* an array with nil for each miss */
	LOOKUP_COUNT,  /* how many of the keys are there */
	LOOKUP_TYPE,   /* the status `none` = a miss */
	LOOKUP_LENGTH, /* 0 = a miss */
	LOOKUP_TTL,    /* -2 = a miss */
	LOOKUP_PAGE,   /* a cursor and elements; no elements at the end = a miss */
	/* Our scripts read one key, and answer 0 where it was not what they want; or they answer an
	 * array that begins with their hits and misses. */
	LOOKUP_SCRIPT,
	LOOKUP_BEGIN, /* MULTI: what follows is looked up by EXEC, whose reply has its replies */
	LOOKUP_EXEC,
};

struct lookup_tally {
	int64_t hits, misses;
};

enum lookup lookup_of(struct slice command);
/* What the reply to a command on `keys` keys says. */
void lookup_tally(enum lookup lookup, size_t keys, const struct redis_value *reply,
	struct lookup_tally *tally);

#endif
