/* SPDX-License-Identifier: MIT */
/*
 * PEXPIRE that only shortens. `PEXPIRE ... LT` does that since Redis 7 and does not tell stale from
 * absent; a script does on every version.
 */
#include "cache/soft.h"

static const char script[] = "local t = redis.call('PTTL', KEYS[1]) "
			     "if t == -2 then return 0 end "
			     "if t >= 0 and t <= tonumber(ARGV[1]) then return 2 end "
			     "redis.call('PEXPIRE', KEYS[1], ARGV[1]) return 1";

void soft_add(struct redis_batch *batch, struct slice key, int64_t stale_for_ms)
{
	struct buf ms = {0};

	buf_int(&ms, stale_for_ms);
	REDIS_ADD(batch, SLICE("EVAL"), slice_str(script), SLICE("1"), key, buf_slice(&ms));
	buf_release(&ms);
}

enum error soft_outcome(
	const struct redis_value *reply, enum soft_outcome *ret, struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);

	*ret = SOFT_ABSENT;
	if (!error && reply->type == REDIS_INTEGER && reply->integer > 0)
		*ret = reply->integer == 1 ? SOFT_CHANGED : SOFT_KEPT;
	return error;
}
