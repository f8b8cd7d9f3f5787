/* SPDX-License-Identifier: MIT */
/* The script that changes TTLs, and its arguments; see ttl_change.h. */
#include "cache/ttl_change.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "cache/entry.h"

/*
 * KEYS; ARGV which keys, then for each its new PX (-1 = none) and its stale_for in milliseconds, or
 * these once if they are the same for all; "look" behind them = it counts only, and names the
 * first of them. What it does for each of a million keys is as little as can be.
 */
static const char script[] =
	"local persistent, all, call = ARGV[1] == 'persistent', ARGV[1] == 'all', redis.call "
	"local px, stale, p, there, changed = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[2]), 0, 0 "
	"local look, names = ARGV[#ARGV] == 'look', {} "
	"local each = #ARGV > (look and 4 or 3) "
	"for i = 1, #KEYS do "
	"local key = KEYS[i] local t = call('PTTL', key) "
	"if t ~= -2 then "
	"there = there + 1 "
	"if t == -1 or not persistent then "
	"if each then px, stale = ARGV[2 * i], tonumber(ARGV[2 * i + 1]) p = tonumber(px) end "
	"if t == -1 or (all or p >= 0 and t > p) and (stale == 0 or t > stale) then "
	"if look then if t ~= -1 or p >= 0 then changed = changed + 1 "
	"if changed <= 20 then names[changed] = key end end "
	"elseif p < 0 then changed = changed + call('PERSIST', key) "
	"else changed = changed + call('PEXPIRE', key, px) end "
	"end end end end "
	"return {there, #KEYS - there, changed, unpack(names)}";

enum { counts = 3 }; /* in a reply, before names */

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
	static const struct slice only[] = {[TTL_CHANGE_PERSISTENT] = {"persistent", 10},
		[TTL_CHANGE_LONGER] = {"longer", 6},
		[TTL_CHANGE_ALL] = {"all", 3}};
	struct slice *argv = mem_array(5 + 3 * count, sizeof *argv);
	char(*numbers)[2][SLICE_INT_ROOM] = mem_array(count, sizeof *numbers);
	char keys[SLICE_INT_ROOM];
	size_t argc = 0, pairs = 4 + count;
	bool same = true;

	argv[argc++] = SLICE("EVAL");
	argv[argc++] = slice_str(script);
	argv[argc++] = slice_of_int(keys, (int64_t)count);
	for (size_t i = 0; i < count; i++)
		argv[argc++] = names[i];
	argv[argc++] = only[change->only];
	for (size_t i = 0; i < count; i++) {
		argv[argc++] = slice_of_int(numbers[i][0], new_px(cache, names[i], change));
		argv[argc++] = slice_of_int(numbers[i][1], entry_stale_for(cache->conf, names[i]));
		same = same && slice_equal(argv[argc - 2], argv[pairs]) &&
		       slice_equal(argv[argc - 1], argv[pairs + 1]);
	}
	if (same)
		argc = pairs + 2;
	if (change->look)
		argv[argc++] = SLICE("look");
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

size_t ttl_change_names(const struct redis_value *reply)
{
	return reply->type == REDIS_ARRAY && reply->count > counts ? reply->count - counts : 0;
}

struct slice ttl_change_name(const struct redis_value *reply, size_t i)
{
	return redis_value_item(reply, counts + i);
}
