/* SPDX-License-Identifier: MIT */
/* GET /keys, GET /keys/{key}/ttl, POST /keys/{key}/expire: names and times, no values. */

#include "api/answer.h"
#include "api/body.h"
#include "api/handlers.h"
#include "api/keys.h"
#include "base/mem.h"
#include "text/glob.h"

enum { list_default = 100, list_max = 1000 };

void api_key_ttl(struct request *request, void *context)
{
	struct app *app = context;
	struct slice key;
	int64_t ttl_ms;
	struct fault fault;

	if (keys_name(request, &key, &fault) ||
		entry_ttl(&app->engine.cache, key, &ttl_ms, &fault)) {
		reply_fault(request, &fault);
	} else {
		answer_int(request, "ttl", keys_ttl_seconds(ttl_ms));
	}
}

struct expire_body {
	int64_t ttl_ms;
	bool given;
};

static enum error ttl_member(void *context, struct slice name, struct json_value value,
	struct arena *arena, struct fault *fault)
{
	struct expire_body *body = context;

	(void)arena;
	if (!slice_is(name, "ttl"))
		return ERR_NOT_FOUND;
	if (value.type == JSON_NULL)
		return OK;
	body->given = true;
	return keys_ttl_member(value, "/ttl", &body->ttl_ms, fault);
}

static enum error read_expire(
	struct request *request, struct expire_body *body, struct fault *fault)
{
	const struct body_table table = {.other = ttl_member, .context = body};
	enum error error = body_parse(request, &table, fault);

	if (!error && !body->given)
		error = fault_at(fault, ERR_BAD_BODY, "/ttl",
			"/ttl is required: seconds, or -1 for no expiry");
	return error;
}

void api_key_expire(struct request *request, void *context)
{
	struct app *app = context;
	struct expire_body body = {0};
	struct slice key;
	bool was_there;
	struct fault fault;

	if (keys_name(request, &key, &fault) || read_expire(request, &body, &fault) ||
		entry_expire(&app->engine.cache, key, body.ttl_ms, &was_there, &fault)) {
		reply_fault(request, &fault);
	} else if (!was_there) {
		fault_set(&fault, ERR_NO_VALUE,
			"the key does not exist, has expired, or is stale: a stale value must be "
			"loaded again");
		reply_fault(request, &fault);
	} else {
		answer_int(request, "ttl", keys_ttl_seconds(body.ttl_ms));
	}
}

struct keys_page {
	struct guard guard;
	struct slice match; /* p NULL = all */
	struct slice cursor;
	int64_t limit;
	bool encoded;
	bool persistent; /* only keys without expiry */
	struct redis_value *reply;
	struct slice *names; /* of the reply */
	size_t count;
	struct buf next;
};

static enum error read_only(struct request *request, bool *ret_persistent, struct fault *fault)
{
	struct slice value;

	*ret_persistent = request_query(request, "only", &value);
	if (!*ret_persistent || slice_is(value, "persistent"))
		return OK;
	return fault_set(fault, ERR_BAD_PARAMETER,
		"the query parameter only must be persistent, for keys without expiry, or be left "
		"out");
}

static enum error read_listing(
	struct request *request, struct keys_page *listing, struct fault *fault)
{
	enum error error = request_query_int(request, "limit", 1, list_max, &listing->limit, fault);

	guard_init(&listing->guard, request_conf(request), request_identity(request));
	if (!error)
		error = keys_encoded(request, &listing->encoded, fault);
	if (!error)
		error = read_only(request, &listing->persistent, fault);
	if (!error && request_query(request, "match", &listing->match)) {
		error = glob_check(listing->match, fault);
		if (!error)
			error = guard_pattern(&listing->guard, listing->match, fault);
	}
	if (!error)
		error = keys_cursor(request, &listing->cursor, fault);
	return error;
}

/* Those names that the caller may see. */
static void take_names(struct keys_page *listing)
{
	const struct redis_value *names = listing->reply->items[1];

	listing->names = mem_array(names->count, sizeof *listing->names);
	for (size_t i = 0; i < names->count; i++) {
		struct slice key = redis_value_item(names, i);

		if (!guard_check_key(key, NULL) &&
			guard_derived(&listing->guard, key) == GUARD_ALLOWED)
			listing->names[listing->count++] = key;
	}
}

/* Leaves out the names of keys with a TTL, in one pipeline. Parks. */
static enum error drop_expiring(struct cache *cache, struct keys_page *listing, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	size_t kept = 0;

	for (size_t i = 0; i < listing->count; i++)
		REDIS_ADD(batch, SLICE("PTTL"), listing->names[i]);
	enum error error = cache_run_all(cache, REDIS_COMMANDS, batch, fault);

	for (size_t i = 0; i < listing->count && !error; i++)
		if (redis_batch_reply(batch, i)->integer == -1)
			listing->names[kept++] = listing->names[i];
	listing->count = kept;
	redis_batch_free(batch);
	return error;
}

static void forget_names(struct keys_page *listing)
{
	redis_value_free(listing->reply);
	mem_free(listing->names);
	listing->reply = NULL;
	listing->names = NULL;
	listing->count = 0;
}

/* Parks. */
static enum error look_at(
	struct cache *cache, struct keys_page *listing, int64_t count, struct fault *fault)
{
	struct keys_scan scan = {listing->cursor, listing->match, count, REDIS_COMMANDS};
	enum error error = keys_scan(cache, &scan, &listing->reply, &listing->next, fault);

	if (error)
		return error;
	take_names(listing);
	return listing->persistent && listing->count ? drop_expiring(cache, listing, fault) : OK;
}

/*
 * Where few of the keys are wanted, one step looks at many. If too many of them are, the step is
 * repeated with a smaller count, so that a page has about `limit` names. Parks.
 */
static enum error scan_step(struct cache *cache, struct keys_page *listing, struct fault *fault)
{
	bool chosen = listing->match.p || listing->persistent;
	enum error error = look_at(cache, listing, chosen ? list_max : listing->limit, fault);

	if (error || !chosen || (int64_t)listing->count <= listing->limit)
		return error;
	forget_names(listing);
	return look_at(cache, listing, listing->limit, fault);
}

static void reply_page(struct request *request, const struct keys_page *listing)
{
	struct buf items = {0};

	for (size_t i = 0; i < listing->count; i++) {
		buf_str(&items, items.n ? ",{" : "{");
		keys_write_name(listing->names[i], listing->encoded, &items);
		buf_char(&items, '}');
	}
	answer_page(request, &items, buf_slice(&listing->next));
	buf_release(&items);
}

void api_keys_list(struct request *request, void *context)
{
	struct app *app = context;
	struct keys_page *listing = mem_new(struct keys_page);
	struct fault fault;

	listing->limit = list_default;
	if (read_listing(request, listing, &fault) ||
		scan_step(&app->engine.cache, listing, &fault))
		reply_fault(request, &fault);
	else
		reply_page(request, listing);
	forget_names(listing);
	buf_release(&listing->next);
	mem_free(listing);
}
