/* SPDX-License-Identifier: MIT */
/*
 * Work that operators hold back for a while, on all daemons of a Redis.
 *
 *	POST /pause -> cw:paused:<what> in Redis, which expires by itself
 *	            -> read by each daemon once a second
 *	            -> new work is refused with ERR_PAUSED; what runs goes on
 *
 * While Redis does not answer, what is known stays until its time has passed.
 */
#ifndef CW_OPERATION_PAUSE_H
#define CW_OPERATION_PAUSE_H

#include "cache/cache.h"

/* X(NAME, "name") */
#define PAUSE_TABLE(X) \
	X(WARMING, "warming") \
	X(INVALIDATION, "invalidation")

enum pause {
#define X(name, text) PAUSE_##name,
	PAUSE_TABLE(X)
#undef X
		PAUSE_COUNT
};

enum { PAUSE_MAX_SECONDS = 7 * 24 * 3600, PAUSE_DEFAULT_SECONDS = 3600 };

struct pause_state {
	int64_t since_wall_ms, until_wall_ms;
	char *by, *note; /* `note` NULL = none */
};

/* EVENT_PAUSE: what this process has paused or resumed for all. */
struct pause_change {
	enum pause what;
	const struct pause_state *state; /* NULL = it is not paused any more */
	const char *by;
	struct slice note; /* empty = none */
};

struct pauses;

struct pauses *pauses_new(struct cache *cache);
/* No fiber is left behind. May be NULL. Parks. */
void pauses_stop(struct pauses *pauses);
void pauses_free(struct pauses *pauses); /* may be NULL */

const char *pause_name(enum pause what);
/* PAUSE_COUNT if there is none of that name. */
enum pause pause_named(struct slice name);
/* NULL = it is not paused, as without `pauses`. Borrowed until the next turn. */
const struct pause_state *pause_state(const struct pauses *pauses, enum pause what);
/* ERR_PAUSED, and until when and by whose request; OK = it is not paused. */
enum error pause_check(const struct pauses *pauses, enum pause what, struct fault *fault);
/* Replaces a pause that there is, also without memory in Redis. Redis's errors. Parks. */
enum error pause_begin(struct pauses *pauses, enum pause what, int64_t seconds, const char *by,
	struct slice note, struct fault *fault);
/* OK also if it was not paused. Redis's errors. Parks. */
enum error pause_end(struct pauses *pauses, enum pause what, const char *by, struct slice note,
	struct fault *fault);

#endif
