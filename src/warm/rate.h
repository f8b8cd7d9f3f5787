/* SPDX-License-Identifier: MIT */
/* A token bucket: a number of keys a second, in bursts of at most 100 ms' worth of them. */
#ifndef CW_WARM_RATE_H
#define CW_WARM_RATE_H

#include <stdint.h>

struct rate {
	double per_second; /* 0 = unlimited */
	double tokens;
	int64_t at_ns;
};

/* Times are monotonic nanoseconds. One key is allowed at once. */
void rate_init(struct rate *rate, int64_t per_second, int64_t now_ns);
/* 0: one key is allowed now, and counted. Else how many nanoseconds to wait before the next call.
 */
int64_t rate_take(struct rate *rate, int64_t now_ns);

#endif
