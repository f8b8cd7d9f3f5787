/* SPDX-License-Identifier: MIT */
/* The token bucket of a run; see rate.h. */
#include "warm/rate.h"

void rate_init(struct rate *rate, int64_t per_second, int64_t now_ns)
{
	*rate = (struct rate){.per_second = (double)per_second, .tokens = 1, .at_ns = now_ns};
}

int64_t rate_take(struct rate *rate, int64_t now_ns)
{
	double most = rate->per_second / 10;

	if (rate->per_second <= 0)
		return 0;
	if (most < 1)
		most = 1;
	rate->tokens += rate->per_second * (double)(now_ns - rate->at_ns) / 1e9;
	rate->at_ns = now_ns;
	if (rate->tokens > most)
		rate->tokens = most;
	if (rate->tokens < 1)
		return (int64_t)((1 - rate->tokens) / rate->per_second * 1e9) + 1;
	rate->tokens--;
	return 0;
}
