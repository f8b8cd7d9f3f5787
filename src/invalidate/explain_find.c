/* SPDX-License-Identifier: MIT */
/* Looking for a key in the tags' sets and in the invalidation log; see explain_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/timeslice.h"
#include "cache/inval_log.h"
#include "cache/tag.h"
#include "cache/tag_list.h"
#include "cache/unlogged.h"
#include "invalidate/explain_internal.h"
#include "operation/operation.h"
#include "text/glob.h"

enum { tags_at_once = 500, entries_at_once = 100 };

/*
 * KEYS: sets; ARGV[1]: the member. Answers its lookups' hits and misses, then the places of the
 * sets that have it. A key of another type has no members.
 */
static const char script[] = "local r = {0, 0} "
			     "for i = 1, #KEYS do "
			     "local s = redis.pcall('ZSCORE', KEYS[i], ARGV[1]) "
			     "if type(s) == 'table' then r[1] = r[1] + 1 "
			     "elseif s then r[1] = r[1] + 1 r[#r + 1] = i "
			     "elseif redis.call('EXISTS', KEYS[i]) == 1 then r[1] = r[1] + 2 "
			     "else r[2] = r[2] + 2 end end "
			     "return r";

/* Adds the script for some sets. */
static void add_check(
	struct redis_batch *batch, struct slice key, const struct buf *sets, size_t count)
{
	struct slice *argv = mem_array(count + 4, sizeof *argv);
	char number[SLICE_INT_ROOM];

	argv[0] = SLICE("EVAL");
	argv[1] = slice_of(script, sizeof script - 1);
	argv[2] = slice_of_int(number, (int64_t)count);
	for (size_t i = 0; i < count; i++)
		argv[3 + i] = buf_slice(&sets[i]);
	argv[3 + count] = key;
	redis_batch_add(batch, count + 4, argv);
	mem_free(argv);
}

/*
 * At most tags_at_once names: one script for all, or over slots one for each. The replies are in
 * the batch. Parks.
 */
static enum error check_some(struct cache *cache, struct slice key, const struct slice *names,
	size_t count, struct redis_batch *batch, struct fault *fault)
{
	size_t each = store_is_one(cache->store) ? count : 1;
	struct buf *sets = mem_array(count, sizeof *sets);

	for (size_t i = 0; i < count; i++)
		tag_key(cache, names[i], &sets[i]);
	for (size_t i = 0; i < count; i += each)
		add_check(batch, key, sets + i, each);
	enum error error = cache_run_all(cache, REDIS_BULK, batch, fault);
	for (size_t i = 0; i < count; i++)
		buf_release(&sets[i]);
	mem_free(sets);
	return error;
}

/* The names that the replies show; reply i is about those from `i * each` on. */
static void take_found(const struct redis_batch *batch, const struct slice *names, size_t count,
	struct explain *ret)
{
	size_t replies = redis_batch_count(batch), each = count / replies;

	for (size_t i = 0; i < replies; i++) {
		const struct redis_value *found = redis_batch_reply(batch, i);

		for (size_t j = 2; j < found->count; j++) {
			int64_t place = found->items[j]->integer;

			if (place < 1 || place > (int64_t)each)
				continue;
			struct slice name = names[i * each + (size_t)place - 1];
			if (!name_list_has(&ret->tags, name))
				name_list_add(&ret->tags, name);
		}
	}
}

/* Parks. */
static enum error check_all(struct cache *cache, struct slice key, const struct slice *names,
	size_t count, struct explain *ret, struct fault *fault)
{
	enum error error = OK;

	for (size_t at = 0; at < count && !error; at += tags_at_once) {
		size_t n = count - at < tags_at_once ? count - at : tags_at_once;
		struct redis_batch *batch = redis_batch_new();

		error = check_some(cache, key, names + at, n, batch, fault);
		if (error == ERR_REDIS_UNKNOWN_OUTCOME) {
			redis_batch_clear(batch);
			error = check_some(cache, key, names + at, n, batch, fault);
		}
		if (!error) {
			take_found(batch, names + at, n, ret);
			ret->tags_checked += n;
		}
		redis_batch_free(batch);
	}
	return error;
}

enum error explain_check_tags(struct cache *cache, struct slice key, const struct name_list *names,
	struct explain *ret, struct fault *fault)
{
	return check_all(cache, key, names->items, names->count, ret, fault);
}

enum error explain_known_tags(
	struct cache *cache, struct slice key, struct explain *ret, struct fault *fault)
{
	struct slice names[tags_at_once];
	struct buf after = {0};
	enum error error = OK;
	size_t seen = 0, n = tags_at_once;

	while (!error && n == tags_at_once && seen < EXPLAIN_MAX_TAGS) {
		struct redis_value *page;
		struct tag_list_item item;

		error = tag_list_page(cache, buf_slice(&after), tags_at_once, &page, fault);
		if (error)
			break;
		n = 0;
		for (size_t i = 0; i < page->count && n < tags_at_once; i++)
			if (tag_list_item(page, i, &item))
				names[n++] = item.tag;
		error = check_all(cache, key, names, n, ret, fault);
		buf_clear(&after);
		if (n)
			buf_add(&after, names[n - 1]);
		seen += n;
		redis_value_free(page);
	}
	buf_release(&after);
	return error;
}

/*
 * How an entry of the log names the key: "key", "pattern", "tag"; NULL = not at all. A purged tag's
 * set is gone, so that tags of the past cannot be told: *ret_other_tags = it names some.
 */
static const char *match(const struct redis_value *fields, struct slice key,
	const struct name_list *tags, struct slice *ret_value, bool *ret_other_tags)
{
	*ret_other_tags = false;
	for (size_t i = 0; i + 1 < fields->count; i += 2) {
		struct slice field = redis_value_item(fields, i);

		*ret_value = redis_value_item(fields, i + 1);
		if (slice_is(field, "k") && slice_equal(*ret_value, key))
			return "key";
		if (slice_is(field, "p") && glob_match(*ret_value, key))
			return "pattern";
		if (slice_is(field, "t") && name_list_has(tags, *ret_value))
			return "tag";
		*ret_other_tags = *ret_other_tags || slice_is(field, "t");
	}
	return NULL;
}

/* What an entry says of its caller, and of what became of the keys (cache/inval_log.h). */
static void take_caller(const struct redis_value *fields, struct explain *ret)
{
	struct explain_invalidation *last = &ret->last;

	for (size_t i = 0; i + 1 < fields->count; i += 2) {
		struct slice field = redis_value_item(fields, i);
		struct slice text = redis_value_item(fields, i + 1);

		if (slice_is(field, "b")) {
			last->by = arena_slice(&ret->tags.texts, text);
			last->mode = EXPLAIN_HARD;
		} else if (slice_is(field, "m")) {
			last->mode = slice_is(text, INVAL_SOFT)	    ? EXPLAIN_SOFT
				     : slice_is(text, INVAL_SPREAD) ? EXPLAIN_SPREAD
								    : EXPLAIN_NOT_KNOWN;
		}
	}
}

/* Whether the entry names the key; ret->last is that invalidation then. */
static bool take_entry(const struct redis_value *entry, struct slice key, struct explain *ret)
{
	const struct redis_value *fields = entry->count == 2 ? entry->items[1] : NULL;
	struct explain_invalidation *last = &ret->last;
	bool other_tags = false;
	struct slice value;

	if (fields && fields->type == REDIS_ARRAY)
		last->kind = match(fields, key, &ret->tags, &value, &other_tags);
	/* The id begins with the time. */
	ret->log.since_wall_ms = strtoll(redis_value_item(entry, 0).p, NULL, 10);
	ret->log.entries++;
	if (!last->kind) {
		ret->log.other_tags += other_tags;
		return false;
	}
	last->wall_ms = ret->log.since_wall_ms;
	last->logged = true;
	last->value = arena_slice(&ret->tags.texts, value);
	take_caller(fields, ret);
	/* A DELETE is logged too, by the name of its process: it is not an operation. */
	if (slice_is(redis_value_item(fields, 0), "o") &&
		redis_value_item(fields, 1).n == OPERATION_ID_BYTES)
		memcpy(last->operation_id, redis_value_item(fields, 1).p, OPERATION_ID_BYTES);
	return true;
}

/* Looks for the newest entry of a page that names the key. Parks now and then. */
static void look_through(
	const struct redis_value *page, size_t count, struct slice key, struct explain *ret)
{
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};

	for (size_t i = 0; i < count; i++) {
		const struct redis_value *entry = page->items[i];

		if (take_entry(entry, key, ret))
			return;
		timeslice_spend(&timeslice, entry->count == 2 ? entry->items[1]->count : 1);
	}
}

/* One page backwards from `end`, which the page before has shown already where it is an id. */
static enum error read_page(
	struct cache *cache, struct slice end, struct redis_value **ret, struct fault *fault)
{
	struct buf log = {0}, count = {0};

	cache_own_key(cache, "inval", slice_of(NULL, 0), &log);
	buf_uint(&count, entries_at_once);
	enum error error = store_call(cache->store,
		(struct redis_call){.priority = REDIS_BULK, .idempotent = true}, buf_slice(&log), 6,
		(struct slice[]){SLICE("XREVRANGE"), buf_slice(&log), end, SLICE("-"),
			SLICE("COUNT"), buf_slice(&count)},
		ret, fault);
	buf_release(&log);
	buf_release(&count);
	return error;
}

enum error explain_last_invalidation(
	struct cache *cache, struct slice key, struct explain *ret, struct fault *fault)
{
	struct buf end = {0};
	enum error error = OK;
	size_t seen = 0, count = entries_at_once;

	ret->log.since_wall_ms = -1;
	buf_char(&end, '+');
	while (!error && !ret->last.kind && count == entries_at_once &&
		seen < EXPLAIN_MAX_ENTRIES) {
		struct redis_value *page;

		error = read_page(cache, buf_slice(&end), &page, fault);
		if (error)
			break;
		count = page->type == REDIS_ARRAY ? page->count : 0;
		look_through(page, count, key, ret);
		buf_clear(&end);
		if (count)
			buf_add(&end, redis_value_item(page->items[count - 1], 0));
		seen += count;
		redis_value_free(page);
	}
	buf_release(&end);
	return error;
}

/* The same as match(), of an invalidation that is not in the log. */
static const char *match_unlogged(const struct unlogged_entry *entry, struct slice key,
	const struct name_list *tags, struct slice *ret_value)
{
	size_t patterns_end = entry->key_count + entry->pattern_count;

	for (size_t i = 0; i < entry->names.count; i++) {
		*ret_value = entry->names.items[i];
		if (i < entry->key_count   ? slice_equal(*ret_value, key)
			: i < patterns_end ? glob_match(*ret_value, key)
					   : name_list_has(tags, *ret_value))
			return i < entry->key_count ? "key" : i < patterns_end ? "pattern" : "tag";
	}
	return NULL;
}

static void take_unlogged(const struct unlogged_entry *entry, const char *kind, struct slice value,
	struct explain *ret)
{
	struct arena *texts = &ret->tags.texts;
	struct explain_invalidation *last = &ret->last;

	*last = (struct explain_invalidation){.kind = kind,
		.value = arena_slice(texts, value),
		.wall_ms = entry->wall_ms,
		.by = entry->by ? arena_slice(texts, slice_str(entry->by)) : SLICE(""),
		.mode = !entry->mode				       ? EXPLAIN_HARD
			: slice_is(slice_str(entry->mode), INVAL_SOFT) ? EXPLAIN_SOFT
								       : EXPLAIN_SPREAD};
	if (strlen(entry->operation_id) == OPERATION_ID_BYTES)
		memcpy(last->operation_id, entry->operation_id, OPERATION_ID_BYTES);
}

void explain_unlogged(const struct cache *cache, struct slice key, struct explain *ret)
{
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};
	const struct unlogged_entry *entry = unlogged_before(cache, UINT64_MAX);
	int64_t forgotten_wall_ms = unlogged_forgotten_wall_ms(cache);
	const char *kind = NULL;
	struct slice value;

	while (entry && !kind && !(ret->last.kind && entry->wall_ms < ret->last.wall_ms)) {
		uint64_t number = entry->number;

		kind = match_unlogged(entry, key, &ret->tags, &value);
		if (kind)
			take_unlogged(entry, kind, value, ret);
		else
			timeslice_spend(&timeslice, entry->names.count);
		entry = unlogged_before(cache, number);
	}
	bool later = !ret->last.kind || forgotten_wall_ms > ret->last.wall_ms;
	ret->forgotten_wall_ms = later ? forgotten_wall_ms : -1;
}
