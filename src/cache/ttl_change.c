/* SPDX-License-Identifier: MIT */
/* The script that changes TTLs, and its arguments; see ttl_change.h. */
#include "cache/ttl_change.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "cache/entry.h"

/* KEYS; ARGV which keys, then for each its new PX (-1 = none) and its stale_for in milliseconds. */
static const char script[] = "local which, there, changed = ARGV[1], 0, 0 "
			     "for i, key in ipairs(KEYS) do "
			     "local t = redis.call('PTTL', key) "
			     "if t ~= -2 then "
			     "there = there + 1 "
			     "local px, stale = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1]) "
			     "local longer = t == -1 or px >= 0 and t > px "
			     "if (t == -1 or which == 'all' or which == 'longer' and longer) "
			     "and (t == -1 or stale == 0 or t > stale) then "
			     "if px < 0 then changed = changed + redis.call('PERSIST', key) "
			     "else changed = changed + redis.call('PEXPIRE', key, ARGV[2 * i]) end "
			     "end end end "
			     "return {there, #KEYS - there, changed}";

static int64_t new_px(const struct cache *cache, struct slice name, struct ttl_change *change)
{
	double ttl_ms = (double)change->ttl_ms;

	if (change->ttl_ms < 0)
		return -1;
	if (change->spread)
		ttl_ms =
			(double)(change->until_ms - clock_mono_ms()) * random_unit(&change->random);
	else if (change->jitter > 0)
		ttl_ms += ttl_ms * change->jitter * (2 * random_unit(&change->random) - 1);
	return entry_px(cache->conf, name, ttl_ms < 1 ? 1 : (int64_t)ttl_ms);
}

void ttl_change_add(const struct cache *cache, struct redis_batch *batch, const struct slice *names,
	size_t count, struct ttl_change *change)
{
	static const struct slice which[] = {[TTL_CHANGE_PERSISTENT] = {"persistent", 10},
		[TTL_CHANGE_LONGER] = {"longer", 6},
		[TTL_CHANGE_ALL] = {"all", 3}};
	struct slice *argv = mem_array(4 + 3 * count, sizeof *argv);
	char(*numbers)[2][SLICE_INT_ROOM] = mem_array(count, sizeof *numbers);
	char keys[SLICE_INT_ROOM];
	size_t argc = 0;

	argv[argc++] = SLICE("EVAL");
	argv[argc++] = slice_str(script);
	argv[argc++] = slice_of_int(keys, (int64_t)count);
	for (size_t i = 0; i < count; i++)
		argv[argc++] = names[i];
	argv[argc++] = which[change->which];
	for (size_t i = 0; i < count; i++) {
		argv[argc++] = slice_of_int(numbers[i][0], new_px(cache, names[i], change));
		argv[argc++] = slice_of_int(numbers[i][1], entry_stale_for(cache->conf, names[i]));
	}
	redis_batch_add(batch, argc, argv);
	mem_free(numbers);
	mem_free(argv);
}

enum error ttl_change_counts(const struct redis_value *reply, size_t count, uint64_t *ret_there,
	uint64_t *ret_changed, struct fault *fault)
{
	int64_t there = 0, changed = 0;
	enum error error = redis_value_error(reply, fault);

	if (!error)
		error = redis_value_number(reply, 0, 0, (int64_t)count, &there, fault);
	if (!error)
		error = redis_value_number(reply, 2, 0, (int64_t)count, &changed, fault);
	*ret_there = (uint64_t)there;
	*ret_changed = (uint64_t)changed;
	return error;
}
