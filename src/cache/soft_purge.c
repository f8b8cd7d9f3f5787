/* SPDX-License-Identifier: MIT */
/*
 * PEXPIRE that only shortens, and the mark; see soft_purge.h. `PEXPIRE ... LT` does the first since
 * Redis 7 and does not tell stale from absent; a script does on every version.
 *
 * Special: without memory for the mark the value goes. Without it a reader of another configuration
 * would take the value for a fresh one. A mark that is there already needs no memory: PEXPIRE moves
 * its end, so that a purge that meets a key a second time leaves it as it is.
 */
#include "cache/soft_purge.h"

/* KEYS the value, its mark; ARGV stale_for in milliseconds. */
static const char script[] = "local t, s = redis.call('PTTL', KEYS[1]), tonumber(ARGV[1]) "
			     "if t == -2 then return 0 end "
			     "local kept = t >= 0 and t <= s "
			     "if kept then s = math.max(t, 1) end "
			     "local done = redis.pcall('SET', KEYS[2], '', 'PX', s) "
			     "if done.err and redis.call('PEXPIRE', KEYS[2], s) == 0 then "
			     "redis.call('UNLINK', KEYS[1]) return 3 end "
			     "if kept then return 2 end "
			     "redis.call('PEXPIRE', KEYS[1], s) return 1";

void soft_purge_key(const struct cache *cache, struct slice key, struct buf *out)
{
	cache_own_beside(cache, "soft:", key, out);
}

bool soft_purge_marked(int64_t pttl_ms, int64_t mark_pttl_ms)
{
	int64_t apart = pttl_ms - mark_pttl_ms;

	return pttl_ms >= 0 && mark_pttl_ms >= 0 && apart <= SOFT_PURGE_SKEW_MS &&
	       apart >= -SOFT_PURGE_SKEW_MS;
}

void soft_purge_add(const struct cache *cache, struct redis_batch *batch, struct slice key,
	int64_t stale_for_ms)
{
	struct buf mark = {0};
	char ms[SLICE_INT_ROOM];

	soft_purge_key(cache, key, &mark);
	REDIS_ADD(batch, SLICE("EVAL"), slice_str(script), SLICE("2"), key, buf_slice(&mark),
		slice_of_int(ms, stale_for_ms));
	buf_release(&mark);
}

enum error soft_purge_outcome(
	const struct redis_value *reply, enum soft_purge_outcome *ret, struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);

	*ret = SOFT_PURGE_ABSENT;
	if (!error && reply->type == REDIS_INTEGER && reply->integer > 0 && reply->integer <= 3)
		*ret = (enum soft_purge_outcome)reply->integer;
	return error;
}
