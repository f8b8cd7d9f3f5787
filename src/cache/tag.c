/* SPDX-License-Identifier: MIT */
/* Tagging keys; see tag.h. */
#include "cache/tag.h"

#include "base/mem.h"
#include "base/utf8.h"

enum { space = 0x20, delete = 0x7f };

enum error tag_check(struct slice tag, struct fault *fault)
{
	if (tag.n == 0)
		return fault_set(fault, ERR_BAD_BODY, "a tag is empty");
	if (tag.n > TAG_MAX_BYTES)
		return fault_set(fault, ERR_BAD_BODY, "a tag has %zu bytes; at most %d are taken",
			tag.n, TAG_MAX_BYTES);
	while (tag.n) {
		uint32_t point;
		size_t n = utf8_next(tag, &point);

		if (!n)
			return fault_set(fault, ERR_BAD_BODY, "a tag is not UTF-8");
		if (point < space || point == delete)
			return fault_set(fault, ERR_BAD_BODY, "a tag contains a control character");
		tag = slice_skip(tag, n);
	}
	return OK;
}

void tag_key(const struct cache *cache, struct slice tag, struct buf *out)
{
	cache_own_key(cache, "tag:", tag, out);
}

void tag_score(int64_t px_ms, struct buf *out)
{
	if (px_ms < 0)
		buf_str(out, "+inf");
	else
		buf_int(out, clock_wall_ms() + px_ms);
}

size_t tag_add(struct cache *cache, struct redis_batch *batch, struct slice key, int64_t px_ms,
	const struct slice *tags, size_t count)
{
	struct buf set = {0}, score = {0};

	tag_score(px_ms, &score);
	for (size_t i = 0; i < count; i++) {
		buf_clear(&set);
		tag_key(cache, tags[i], &set);
		REDIS_ADD(batch, SLICE("ZADD"), buf_slice(&set), buf_slice(&score), key);
	}
	buf_release(&set);
	buf_release(&score);
	return count;
}

enum { keys_at_once = 100 };

/* The words of a ZADD behind its key: score and member of each key that is there. */
struct pairs {
	struct buf scores[keys_at_once];
	struct slice argv[2 + 2 * keys_at_once];
	size_t count;
};

static void take_pair(struct pairs *pairs, struct slice key, int64_t pttl_ms)
{
	struct buf *score = &pairs->scores[pairs->count];
	int64_t now_ms = clock_wall_ms();

	if (pttl_ms == -2)
		return;
	/* Redis takes any time up to the last that fits, and its clock is not quite ours. */
	if (pttl_ms < 0 || pttl_ms > INT64_MAX - now_ms)
		buf_str(score, "+inf");
	else
		buf_int(score, now_ms + pttl_ms);
	pairs->argv[2 + 2 * pairs->count] = buf_slice(score);
	pairs->argv[3 + 2 * pairs->count] = key;
	pairs->count++;
}

/* Up to keys_at_once of them: their times, then one ZADD for each tag. Parks. */
static enum error tag_some(struct cache *cache, const struct slice *tags, size_t tag_count,
	const struct slice *keys, size_t key_count, size_t *tagged, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct pairs *pairs = mem_new(struct pairs);
	struct buf set = {0};

	for (size_t i = 0; i < key_count; i++)
		REDIS_ADD(batch, SLICE("PTTL"), keys[i]);
	enum error error = cache_run_all(cache, REDIS_BULK, batch, fault);
	for (size_t i = 0; i < key_count && !error; i++)
		take_pair(pairs, keys[i], redis_batch_reply(batch, i)->integer);
	redis_batch_clear(batch);
	for (size_t i = 0; i < tag_count && pairs->count; i++) {
		buf_clear(&set);
		tag_key(cache, tags[i], &set);
		pairs->argv[0] = SLICE("ZADD");
		pairs->argv[1] = buf_slice(&set);
		redis_batch_add(batch, 2 + 2 * pairs->count, pairs->argv);
	}
	if (!error && redis_batch_count(batch))
		error = cache_run_all(cache, REDIS_BULK, batch, fault);
	if (!error)
		*tagged += pairs->count;
	for (size_t i = 0; i < keys_at_once; i++)
		buf_release(&pairs->scores[i]);
	mem_free(pairs);
	redis_batch_free(batch);
	buf_release(&set);
	return error;
}

enum error tag_existing(struct cache *cache, const struct slice *tags, size_t tag_count,
	const struct slice *keys, size_t key_count, size_t *ret_tagged, struct fault *fault)
{
	enum error error = OK;

	*ret_tagged = 0;
	for (size_t at = 0; at < key_count && !error; at += keys_at_once) {
		size_t left = key_count - at;

		error = tag_some(cache, tags, tag_count, keys + at,
			left < keys_at_once ? left : keys_at_once, ret_tagged, fault);
	}
	return error;
}
