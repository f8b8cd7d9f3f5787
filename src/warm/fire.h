/* SPDX-License-Identifier: MIT */
/* One fire of a job by itself: the receipt, then the start, tried again while Redis is away. */
#ifndef CW_WARM_FIRE_H
#define CW_WARM_FIRE_H

#include "warm/warm.h"

enum fire_cause { FIRE_SCHEDULE, FIRE_STARTUP, FIRE_FLUSHED };

struct fire {
	struct warm *warm;
	struct cache *cache;
	struct log *log;
	char *job;
	enum fire_cause cause;
	int64_t deadline; /* monotonic: what has not begun then is missed */
	/* Of a schedule: */
	int64_t nominal_wall_ms, receipt_ttl_ms;
};

/* With a deadline of 60 s. */
struct fire *fire_new(const char *job, enum fire_cause cause);
/* Takes `fire` over. */
void fire_spawn(struct fiber_group *group, struct fire *fire);

#endif
