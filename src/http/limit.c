/* SPDX-License-Identifier: MIT */
/* The generic cell rate algorithm; see limit.h. */
#include "http/limit.h"

enum { second_ns = 1000000000 };

bool limit_would_take(const struct limit *limit, int64_t interval_ns, int64_t burst, int64_t now_ns,
	int *ret_wait_s)
{
	int64_t from = limit->full_at_ns > now_ns ? limit->full_at_ns : now_ns;
	int64_t wait_ns = from + interval_ns - burst * interval_ns - now_ns;

	if (wait_ns <= 0)
		return true;
	if (ret_wait_s)
		*ret_wait_s = (int)(1 + (wait_ns - 1) / second_ns);
	return false;
}

bool limit_take(
	struct limit *limit, int64_t interval_ns, int64_t burst, int64_t now_ns, int *ret_wait_s)
{
	if (!limit_would_take(limit, interval_ns, burst, now_ns, ret_wait_s))
		return false;
	limit->full_at_ns = (limit->full_at_ns > now_ns ? limit->full_at_ns : now_ns) + interval_ns;
	return true;
}

bool limit_idle(const struct limit *limit, int64_t now_ns)
{
	return limit->full_at_ns <= now_ns;
}
