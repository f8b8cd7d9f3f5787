/* SPDX-License-Identifier: MIT */
/* The set of keys that a job stored, by run; see swap.h. */
#include "warm/swap.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cache/entry.h"

enum { page = 500 };

#define SET_TTL_MS "2592000000" /* 30 days after the last run */

/* KEYS the set; ARGV the run's number, the set's TTL, members. */
static const char mark_script[] =
	"local n = tonumber(ARGV[1]) "
	"for i = 3, #ARGV do "
	"local s = redis.call('ZSCORE', KEYS[1], ARGV[i]) "
	"if not s or tonumber(s) < n then redis.call('ZADD', KEYS[1], ARGV[1], ARGV[i]) end end "
	"redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
	"return {0, 0}";

/* KEYS the set; ARGV the run's number, members. A run that came meanwhile keeps its marks. */
static const char forget_script[] =
	"local n = tonumber(ARGV[1]) "
	"for i = 2, #ARGV do "
	"local s = redis.call('ZSCORE', KEYS[1], ARGV[i]) "
	"if s and tonumber(s) < n then redis.call('ZREM', KEYS[1], ARGV[i]) end end "
	"return {0, 0}";

/* Redis's clock in microseconds; 0 = not known. */
static int64_t time_us(const struct redis_value *reply)
{
	int64_t seconds, us;

	if (reply->type != REDIS_ARRAY || reply->count != 2 ||
		!slice_int64(redis_value_item(reply, 0), &seconds) ||
		!slice_int64(redis_value_item(reply, 1), &us) || seconds < 0 ||
		seconds > INT32_MAX * INT64_C(1000) || us < 0 || us >= 1000000)
		return 0;
	return seconds * 1000000 + us;
}

/* The highest score, which is a whole number below 2^53; 0 = there is none. */
static int64_t highest(const struct redis_value *reply)
{
	struct slice text = redis_value_item(reply, 1);
	double score = text.n ? strtod(text.p, NULL) : 0;

	return score > 0 && score < 9e15 ? (int64_t)score : 0;
}

enum error swap_begin(struct swap *swap, struct cache *cache, struct slice job, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();

	*swap = (struct swap){.cache = cache};
	cache_own_key(cache, "swap:", job, &swap->set);
	REDIS_ADD(batch, SLICE("ZREVRANGEBYSCORE"), buf_slice(&swap->set), SLICE("+inf"),
		SLICE("-inf"), SLICE("WITHSCORES"), SLICE("LIMIT"), SLICE("0"), SLICE("1"));
	REDIS_ADD(batch, SLICE("TIME"));
	enum error error = store_allow(cache->store, FEATURE_SWAP, fault);
	if (!error)
		error = cache_run_all(cache, REDIS_COMMANDS, batch, fault);
	if (!error) {
		const struct redis_value *scores = redis_batch_reply(batch, 0);
		int64_t last =
			scores->type == REDIS_ARRAY && scores->count == 2 ? highest(scores) : 0;
		int64_t now = time_us(redis_batch_reply(batch, 1));

		snprintf(swap->number, sizeof swap->number, "%lld",
			(long long)(now > last ? now : last + 1));
	}
	if (error == ERR_WRONG_TYPE)
		fault_set(fault, error, "the key %s in Redis is not a sorted set: delete it",
			swap->set.p);
	redis_batch_free(batch);
	return error;
}

void swap_release(struct swap *swap)
{
	buf_release(&swap->set);
}

/* The script over some of the set's members. */
static void add_script(const struct swap *swap, struct redis_batch *batch, const char *script,
	const char *ttl, const struct slice *members, size_t count)
{
	struct slice *argv = mem_array(6 + count, sizeof *argv);
	size_t argc = 0;

	argv[argc++] = SLICE("EVAL");
	argv[argc++] = slice_str(script);
	argv[argc++] = SLICE("1");
	argv[argc++] = buf_slice(&swap->set);
	argv[argc++] = slice_str(swap->number);
	if (ttl)
		argv[argc++] = slice_str(ttl);
	for (size_t i = 0; i < count; i++)
		argv[argc++] = members[i];
	redis_batch_add(batch, argc, argv);
	mem_free(argv);
}

void swap_mark(
	const struct swap *swap, struct redis_batch *batch, const struct slice *keys, size_t count)
{
	add_script(swap, batch, mark_script, SET_TTL_MS, keys, count);
}

/* The next members that the run has not marked, in the reply. Parks. */
static enum error read_page(const struct swap *swap, struct redis_batch *batch, struct fault *fault)
{
	struct buf below = {0};
	char most[SLICE_INT_ROOM];

	buf_char(&below, '(');
	buf_str(&below, swap->number);
	redis_batch_clear(batch);
	REDIS_ADD(batch, SLICE("ZREVRANGEBYSCORE"), buf_slice(&swap->set), buf_slice(&below),
		SLICE("-inf"), SLICE("LIMIT"), SLICE("0"), slice_of_int(most, page));
	buf_release(&below);
	enum error error = cache_run_all(swap->cache, REDIS_BULK, batch, fault);
	if (!error && redis_batch_reply(batch, 0)->type != REDIS_ARRAY)
		error = fault_set(fault, ERR_REDIS_PROTOCOL,
			"Redis answered ZREVRANGEBYSCORE with something else than a list");
	return error;
}

static enum error forget(
	const struct swap *swap, const struct slice *members, size_t count, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();

	add_script(swap, batch, forget_script, NULL, members, count);
	enum error error = cache_run_all(swap->cache, REDIS_BULK, batch, fault);
	redis_batch_free(batch);
	return error;
}

/* The members of one page. Parks. */
static enum error end_page(const struct swap *swap, const struct swap_end *end,
	const struct redis_value *members, uint64_t *ret_removed, struct fault *fault)
{
	struct slice *names = mem_array(2 * members->count, sizeof *names);
	struct slice *keys = names + members->count;
	size_t count = 0;

	for (size_t i = 0; i < members->count; i++) {
		names[i] = redis_value_item(members, i);
		if (names[i].n && guard_derived(end->guard, names[i]) == GUARD_ALLOWED)
			keys[count++] = names[i];
	}
	size_t removed = 0;
	enum error error =
		count ? entry_delete_unwatched(swap->cache, keys, count, &removed, fault) : OK;

	*ret_removed += removed;
	if (!error)
		error = forget(swap, names, members->count, fault);
	mem_free(names);
	return error;
}

enum error swap_end(const struct swap *swap, const struct swap_end *end, uint64_t *ret_removed,
	struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	enum error error = OK;
	bool more = true;

	*ret_removed = 0;
	while (!error && more) {
		error = end->may_continue(end->context, fault);
		if (!error)
			error = read_page(swap, batch, fault);
		if (error)
			break;
		const struct redis_value *members = redis_batch_reply(batch, 0);

		more = members->count == page;
		if (members->count)
			error = end_page(swap, end, members, ret_removed, fault);
	}
	redis_batch_free(batch);
	return error;
}
