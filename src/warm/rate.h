/* SPDX-License-Identifier: MIT */
/* So many keys a second, and never more than 100 ms worth of them in one go. */
#ifndef CW_WARM_RATE_H
#define CW_WARM_RATE_H

#include <stdint.h>

struct rate {
	double per_second; /* 0 = unlimited */
	double tokens;
	int64_t at_ns;
};

/* Times are monotonic nanoseconds. It begins with one key. */
void rate_init(struct rate *rate, int64_t per_second, int64_t now_ns);
/* 0: one key may go now, and is counted. Else how many nanoseconds to wait before asking again. */
int64_t rate_take(struct rate *rate, int64_t now_ns);

#endif
