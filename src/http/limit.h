/* SPDX-License-Identifier: MIT */
/*
 * Rate limits, in one number each (the generic cell rate algorithm, a token bucket without a
 * timer). A zeroed struct limit is an unused one.
 */
#ifndef CW_HTTP_LIMIT_H
#define CW_HTTP_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct limit {
	int64_t full_at_ns; /* when all that was taken is available again */
};

/*
 * Takes one of `burst` units, which become available again at one per `interval_ns`. False if there
 * is none; *ret_wait_s (may be NULL) is then the seconds, at least 1, until there is one.
 */
bool limit_take(
	struct limit *limit, int64_t interval_ns, int64_t burst, int64_t now_ns, int *ret_wait_s);
/* Whether all units are available. */
bool limit_idle(const struct limit *limit, int64_t now_ns);

/* Limits by name: tokens of one name (a rotation) share one. */
struct limits;
struct conf;

struct limits *limits_new(void);
void limits_free(struct limits *limits); /* may be NULL */
/* The limit of `name`, which is new if there was none. */
struct limit *limits_of(struct limits *limits, const char *name);
/* Removes the names that no token of `conf` has; a reload keeps the others as they are. */
void limits_prune(struct limits *limits, const struct conf *conf);

#endif
