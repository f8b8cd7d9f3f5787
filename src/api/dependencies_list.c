/* SPDX-License-Identifier: MIT */
/*
 * GET /dependencies: the keys that have stored dependents.
 *
 *	SCAN MATCH cw:dep:* (some steps, until there are enough) -> SCARD and PTTL of each -> items
 */
#include "api/answer.h"
#include "api/handlers.h"
#include "api/keys.h"
#include "cache/dependency_store.h"
#include "cache/guard.h"
#include "text/glob.h"

enum { list_default = 100, list_max = 1000, steps_max = 20 };

struct dependencies_page {
	struct cache *cache;
	const struct identity *who;
	struct buf match, cursor;
	size_t prefix; /* bytes of "cw:dep:" */
	int64_t limit;
	struct buf items;
	int64_t count;
};

static enum error read_listing(
	struct request *request, struct dependencies_page *listing, struct fault *fault)
{
	struct buf set = {0};
	struct slice cursor;
	enum error error = request_query_int(request, "limit", 1, list_max, &listing->limit, fault);

	if (error)
		return error;
	dependency_key(listing->cache, SLICE(""), &set);
	listing->prefix = set.n;
	glob_escape(buf_slice(&set), &listing->match);
	buf_char(&listing->match, '*');
	buf_release(&set);
	error = keys_cursor(request, &cursor, fault);
	buf_add(&listing->cursor, cursor);
	return error;
}

/* The key whose dependents `set` holds. */
static struct slice key_of(const struct dependencies_page *listing, struct slice set)
{
	if (set.n < listing->prefix)
		return SLICE("");
	return slice_of(set.p + listing->prefix, set.n - listing->prefix);
}

static void write_item(
	struct dependencies_page *listing, struct slice key, int64_t members, int64_t pttl_ms)
{
	struct buf *out = &listing->items;

	buf_str(out, listing->count++ ? ",{" : "{");
	keys_write_name(key, false, out);
	buf_printf(out, ",\"dependents\":%lld,\"ttl\":%lld}", (long long)members,
		(long long)keys_ttl_seconds(pttl_ms));
}

/* A key that is not a set, or was deleted since SCAN, is left out. */
static void write_items(struct dependencies_page *listing, const struct redis_value *names,
	const struct redis_batch *batch)
{
	size_t at = 0;

	for (size_t i = 0; i < names->count && at < redis_batch_count(batch); i++) {
		struct slice key = key_of(listing, redis_value_item(names, i));

		if (guard_check_key(key, NULL) || !guard_inside_prefixes(listing->who, key))
			continue;
		const struct redis_value *members = redis_batch_reply(batch, at++);
		const struct redis_value *pttl = redis_batch_reply(batch, at++);

		if (members->type == REDIS_INTEGER && members->integer > 0)
			write_item(listing, key, members->integer, pttl->integer);
	}
}

/* Parks. */
static enum error list_names(
	struct dependencies_page *listing, const struct redis_value *names, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	enum error error = OK;

	for (size_t i = 0; i < names->count; i++) {
		struct slice set = redis_value_item(names, i), key = key_of(listing, set);

		if (guard_check_key(key, NULL) || !guard_inside_prefixes(listing->who, key))
			continue;
		REDIS_ADD(batch, SLICE("SCARD"), set);
		REDIS_ADD(batch, SLICE("PTTL"), set);
	}
	if (redis_batch_count(batch))
		error = cache_run(listing->cache, REDIS_BULK, batch, fault);
	if (!error)
		write_items(listing, names, batch);
	redis_batch_free(batch);
	return error;
}

/* One SCAN. Parks. */
static enum error step(struct dependencies_page *listing, struct fault *fault)
{
	const struct keys_scan scan = {
		buf_slice(&listing->cursor), buf_slice(&listing->match), 1000, REDIS_BULK};
	struct redis_value *page;
	struct buf next = {0};
	enum error error = keys_scan(listing->cache, &scan, &page, &next, fault);

	if (!error) {
		buf_clear(&listing->cursor);
		buf_add(&listing->cursor, buf_slice(&next));
		error = list_names(listing, page->items[1], fault);
		redis_value_free(page);
	}
	buf_release(&next);
	return error;
}

static bool at_end(const struct dependencies_page *listing)
{
	return listing->cursor.n == 0;
}

void api_dependencies_list(struct request *request, void *context)
{
	struct app *app = context;
	struct dependencies_page listing = {.cache = &app->engine.cache,
		.who = request_identity(request),
		.limit = list_default};
	struct fault fault;
	enum error error = read_listing(request, &listing, &fault);

	for (int i = 0; !error && i < steps_max && (i == 0 || !at_end(&listing)) &&
			listing.count < listing.limit;
		i++)
		error = step(&listing, &fault);
	if (error)
		reply_fault(request, &fault);
	else
		answer_page(request, &listing.items, buf_slice(&listing.cursor));
	buf_release(&listing.match);
	buf_release(&listing.cursor);
	buf_release(&listing.items);
}
