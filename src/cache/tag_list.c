/* SPDX-License-Identifier: MIT */
/* The list of tags in Redis; see tag_list.h. */
#include "cache/tag_list.h"

#include <string.h>

static struct slice list_key(const struct cache *cache, const char *name, struct buf *out)
{
	cache_own_key(cache, name, slice_of(NULL, 0), out);
	return buf_slice(out);
}

static const char list_name[] = "tags:{0}", next_name[] = "tags:{0}:next",
		  walk_name[] = "tags:{0}:walk";

enum error tag_list_begin(struct cache *cache, struct fault *fault)
{
	struct buf key = {0};
	struct slice next = list_key(cache, next_name, &key);
	enum error error = store_command(cache->store, next, NULL, fault, SLICE("UNLINK"), next);

	buf_release(&key);
	return error;
}

enum error tag_list_add(struct cache *cache, struct slice tag, uint64_t members, uint64_t stale,
	struct fault *fault)
{
	struct buf key = {0}, member = {0};
	struct slice next = list_key(cache, next_name, &key);

	buf_add(&member, tag);
	buf_char(&member, '\n');
	buf_uint(&member, members);
	buf_char(&member, ' ');
	buf_uint(&member, stale);
	enum error error = store_command(cache->store, next, NULL, fault, SLICE("ZADD"), next,
		SLICE("0"), buf_slice(&member));
	buf_release(&key);
	buf_release(&member);
	return error;
}

/* The words of the HSET: five fields, each with its value. */
static void spell_sums(const struct tag_list_sums *sums, struct buf values[5])
{
	buf_uint(&values[0], sums->tags);
	buf_uint(&values[1], sums->members);
	buf_uint(&values[2], sums->stale);
	buf_uint(&values[3], sums->pruned);
	buf_int(&values[4], sums->ended_wall_ms);
}

enum error tag_list_end(struct cache *cache, const struct tag_list_sums *sums, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct buf keys[3] = {0}, values[5] = {0};
	struct slice list = list_key(cache, list_name, &keys[0]),
		     next = list_key(cache, next_name, &keys[1]),
		     walk = list_key(cache, walk_name, &keys[2]);

	spell_sums(sums, values);
	if (sums->tags)
		REDIS_ADD(batch, SLICE("RENAME"), next, list);
	else
		REDIS_ADD(batch, SLICE("UNLINK"), list);
	REDIS_ADD(batch, SLICE("HSET"), walk, SLICE("tags"), buf_slice(&values[0]),
		SLICE("members"), buf_slice(&values[1]), SLICE("stale"), buf_slice(&values[2]),
		SLICE("pruned"), buf_slice(&values[3]), SLICE("ended"), buf_slice(&values[4]));
	enum error error = cache_run_all(cache, REDIS_COMMANDS, batch, fault);

	redis_batch_free(batch);
	for (size_t i = 0; i < 3; i++)
		buf_release(&keys[i]);
	for (size_t i = 0; i < 5; i++)
		buf_release(&values[i]);
	return error;
}

static uint64_t field(const struct redis_value *hash, const char *name)
{
	uint64_t value = 0;

	for (size_t i = 0; i + 1 < hash->count; i += 2)
		if (slice_is(redis_value_item(hash, i), name))
			slice_uint64(redis_value_item(hash, i + 1), &value);
	return value;
}

enum error tag_list_sums(struct cache *cache, struct tag_list_sums *ret, struct fault *fault)
{
	struct redis_value *reply = NULL;
	struct buf key = {0};
	struct slice walk = list_key(cache, walk_name, &key);
	enum error error = store_command(cache->store, walk, &reply, fault, SLICE("HGETALL"), walk);

	*ret = (struct tag_list_sums){.ended_wall_ms = -1};
	if (!error && reply->type == REDIS_ARRAY && reply->count) {
		ret->tags = field(reply, "tags");
		ret->members = field(reply, "members");
		ret->stale = field(reply, "stale");
		ret->pruned = field(reply, "pruned");
		uint64_t ended = field(reply, "ended");

		ret->ended_wall_ms = ended <= (uint64_t)REDIS_MAX_NUMBER ? (int64_t)ended : -1;
	}
	redis_value_free(reply);
	buf_release(&key);
	return error;
}

enum error tag_list_page(struct cache *cache, struct slice after, size_t limit,
	struct redis_value **ret, struct fault *fault)
{
	struct buf key = {0}, from = {0}, count = {0};
	struct slice list = list_key(cache, list_name, &key);

	if (after.n) {
		/* Behind every size that the tag might have. */
		buf_char(&from, '(');
		buf_add(&from, after);
		buf_str(&from, "\n\xff");
	} else {
		buf_char(&from, '-');
	}
	buf_uint(&count, limit);
	enum error error = store_command(cache->store, list, ret, fault, SLICE("ZRANGEBYLEX"), list,
		buf_slice(&from), SLICE("+"), SLICE("LIMIT"), SLICE("0"), buf_slice(&count));
	buf_release(&key);
	buf_release(&from);
	buf_release(&count);
	return error;
}

/* Where the last `c` is; text.n where there is none. */
static size_t last_of(struct slice text, char c)
{
	const char *at = text.n ? memrchr(text.p, c, text.n) : NULL;

	return at ? (size_t)(at - text.p) : text.n;
}

bool tag_list_item(const struct redis_value *reply, size_t i, struct tag_list_item *ret)
{
	struct slice text = redis_value_item(reply, i);
	size_t line = last_of(text, '\n'), space = last_of(text, ' ');

	if (line == text.n || space == text.n || space < line)
		return false;
	ret->tag = slice_of(text.p, line);
	return slice_uint64(slice_of(text.p + line + 1, space - line - 1), &ret->members) &&
	       slice_uint64(slice_of(text.p + space + 1, text.n - space - 1), &ret->stale);
}
