/* SPDX-License-Identifier: MIT */
/*
 * Rates: how often something may happen, kept in one number (the generic cell rate algorithm, a
 * token bucket without a timer). A zeroed struct limit is one that nothing has used.
 */
#ifndef CW_HTTP_LIMIT_H
#define CW_HTTP_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct limit {
	int64_t full_at_ns; /* when all that was taken has come back */
};

/*
 * Takes one of `burst` that come back at one per `interval_ns`; false where there is none, with
 * *ret_wait_s the seconds (at least 1) until there is.
 */
bool limit_take(
	struct limit *limit, int64_t interval_ns, int64_t burst, int64_t now_ns, int *ret_wait_s);
/* The same without taking. */
bool limit_would_take(const struct limit *limit, int64_t interval_ns, int64_t burst, int64_t now_ns,
	int *ret_wait_s);
/* Whether it is as good as unused. */
bool limit_idle(const struct limit *limit, int64_t now_ns);

#endif
