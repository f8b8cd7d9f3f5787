/* SPDX-License-Identifier: MIT */
/* GET, POST /tags; GET /tags/{tag}: tags, their members, and tagging stored keys. */
#include <stdio.h>
#include <stdlib.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "api/keys_many.h"
#include "base/base64.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cache/tag.h"
#include "cache/tag_list.h"
#include "cache/tag_page.h"

enum { list_default = 100, list_max = 1000 };

/* The totals of the last scan; null before the first. */
static void add_walk(cJSON *body, const struct tag_list_sums *sums)
{
	if (sums->ended_wall_ms < 0) {
		cJSON_AddNullToObject(body, "walk");
		return;
	}
	cJSON *walk = cJSON_AddObjectToObject(body, "walk");
	json_add_time(walk, "ended", sums->ended_wall_ms);
	json_add_int(walk, "age_ms", clock_wall_ms() - sums->ended_wall_ms);
	json_add_uint(walk, "tags", sums->tags);
	json_add_uint(walk, "members", sums->members);
	json_add_uint(walk, "stale", sums->stale);
	json_add_uint(walk, "pruned", sums->pruned);
	cJSON_AddBoolToObject(walk, "truncated", sums->tags > TAG_LIST_MAX);
}

/* The cursor is the last tag of the page before. */
static cJSON *list_json(
	const struct redis_value *page, int64_t limit, const struct tag_list_sums *sums)
{
	cJSON *body = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(body, "items");
	struct tag_list_item item = {0};
	struct buf next = {0};

	for (size_t i = 0; i < page->count && i < (size_t)limit; i++) {
		if (!tag_list_item(page, i, &item))
			continue;
		cJSON *row = cJSON_CreateObject();
		json_add_slice(row, "tag", item.tag);
		json_add_uint(row, "members", item.members);
		json_add_uint(row, "stale", item.stale);
		cJSON_AddItemToArray(list, row);
	}
	if (page->count > (size_t)limit)
		base64_encode(item.tag, true, &next);
	json_add_text(body, "next", next.p);
	add_walk(body, sums);
	buf_release(&next);
	return body;
}

/* The names and sizes of tags tell about all keys. */
static enum error refuse_prefixed(struct request *request, struct fault *fault)
{
	const struct identity *who = request_identity(request);

	if (who->key_prefix_count == 0)
		return OK;
	return fault_set(fault, ERR_FORBIDDEN,
		"token '%s' has key_prefixes, and the list of tags covers all keys; ask for one "
		"tag by name",
		who->name);
}

static enum error read_cursor(struct request *request, struct buf *ret, struct fault *fault)
{
	struct slice text;

	if (!request_query(request, "cursor", &text) || base64_decode(text, true, ret))
		return OK;
	return fault_set(fault, ERR_BAD_PARAMETER,
		"the query parameter cursor must be the `next` of the previous page, or be left "
		"out");
}

void api_tags_list(struct request *request, void *context)
{
	struct app *app = context;
	struct tag_list_sums sums;
	struct redis_value *page = NULL;
	int64_t limit = list_default;
	struct buf after = {0};
	struct fault fault;

	if (refuse_prefixed(request, &fault) ||
		request_query_int(request, "limit", 1, list_max, &limit, &fault) ||
		read_cursor(request, &after, &fault) ||
		tag_list_sums(&app->engine.cache, &sums, &fault) ||
		tag_list_page(
			&app->engine.cache, buf_slice(&after), (size_t)limit + 1, &page, &fault))
		reply_fault(request, &fault);
	else
		reply_json(request, 200, list_json(page, limit, &sums));
	redis_value_free(page);
	buf_release(&after);
}

/* One page of a tag's members. */
struct showing {
	struct cache *cache;
	struct slice tag;
	struct guard guard;
	struct buf set;
	struct tag_pages pages;
	struct redis_batch *batch; /* ZCARD, then EXISTS of each member */
	bool encoded, prefixed;
};

static enum error read_showing(
	struct request *request, struct showing *showing, struct fault *fault)
{
	struct slice cursor;
	int64_t limit = list_default;
	enum error error = request_query_int(request, "limit", 1, list_max, &limit, fault);

	showing->tag = request_path(request, "tag");
	showing->prefixed = request_identity(request)->key_prefix_count > 0;
	guard_init(&showing->guard, request_conf(request), request_identity(request));
	if (!error)
		error = keys_encoded(request, &showing->encoded, fault);
	if (!error)
		error = keys_cursor(request, &cursor, fault);
	if (!error && (showing->tag.n == 0 || showing->tag.n > KEY_MAX_BYTES))
		error = fault_set(fault, ERR_BAD_REQUEST, "a tag has 1 to %d bytes", KEY_MAX_BYTES);
	if (error)
		return error;
	tag_key(showing->cache, showing->tag, &showing->set);
	tag_pages_init(&showing->pages, showing->cache, buf_slice(&showing->set), REDIS_COMMANDS);
	showing->pages.most = showing->pages.fits = (size_t)limit;
	snprintf(showing->pages.cursor, TAG_CURSOR_BYTES, "%.*s", (int)cursor.n, cursor.p);
	return OK;
}

/* Parks. */
static enum error look(struct showing *showing, struct fault *fault)
{
	enum error error = tag_pages_next(&showing->pages, fault);

	if (error)
		return error;
	REDIS_ADD(showing->batch, SLICE("ZCARD"), buf_slice(&showing->set));
	for (size_t i = 0; i < showing->pages.count; i++)
		REDIS_ADD(showing->batch, SLICE("EXISTS"), tag_pages_member(&showing->pages, i));
	return cache_run_all(showing->cache, REDIS_COMMANDS, showing->batch, fault);
}

static cJSON *member_json(const struct showing *showing, size_t i)
{
	struct slice key = tag_pages_member(&showing->pages, i);
	bool text = !showing->encoded && utf8_valid(key);
	char *score = slice_dup(tag_pages_score(&showing->pages, i));
	double expires = strtod(score, NULL);
	cJSON *item = cJSON_CreateObject();
	struct buf name = {0};

	if (text)
		buf_add(&name, key);
	else
		base64_encode(key, true, &name);
	json_add_slice(item, "key", buf_slice(&name));
	cJSON_AddStringToObject(item, "key_encoding", text ? "utf-8" : "base64url");
	cJSON_AddBoolToObject(
		item, "exists", redis_batch_reply(showing->batch, i + 1)->integer > 0);
	/* Null for the pruner's mark (below zero), for no expiry, and beyond the calendar. */
	json_add_time(item, "expires", expires >= 0 && expires < 1e14 ? (int64_t)expires : -1);
	buf_release(&name);
	mem_free(score);
	return item;
}

static cJSON *showing_json(const struct showing *showing)
{
	cJSON *body = cJSON_CreateObject();

	json_add_slice(body, "tag", showing->tag);
	json_add_count(body, "members",
		showing->prefixed ? -1 : redis_batch_reply(showing->batch, 0)->integer);
	cJSON *list = cJSON_AddArrayToObject(body, "items");
	for (size_t i = 0; i < showing->pages.count; i++)
		if (guard_derived(&showing->guard, tag_pages_member(&showing->pages, i)) ==
			GUARD_ALLOWED)
			cJSON_AddItemToArray(list, member_json(showing, i));
	json_add_text(body, "next", tag_pages_more(&showing->pages) ? showing->pages.cursor : NULL);
	return body;
}

void api_tags_get(struct request *request, void *context)
{
	struct app *app = context;
	struct showing *showing = mem_new(struct showing);
	struct fault fault;

	showing->cache = &app->engine.cache;
	showing->batch = redis_batch_new();
	if (read_showing(request, showing, &fault) || look(showing, &fault))
		reply_fault(request, &fault);
	else
		reply_json(request, 200, showing_json(showing));
	tag_pages_release(&showing->pages);
	redis_batch_free(showing->batch);
	buf_release(&showing->set);
	mem_free(showing);
}

struct tagging_body {
	struct body_list tags, keys;
	struct keys_many many;
	struct slice note;
};

static enum error read_tagging(
	struct request *request, struct tagging_body *tagging, struct fault *fault)
{
	const struct body_member members[] = {
		{"tags", BODY_LIST, &tagging->tags, 1, ENTRY_MANY_TAGS},
		{"keys", BODY_LIST, &tagging->keys, 1, ENTRY_MANY_KEYS},
		{"note", BODY_STRING, &tagging->note, 0, BODY_NOTE_BYTES},
	};
	const struct body_table table = {.members = members, .count = 3};
	char pointer[BODY_POINTER_BYTES];
	enum error error = body_parse(request, &table, fault);

	if (!error)
		error = keys_encoded(request, &tagging->many.encoded, fault);
	if (!error && (tagging->tags.count == 0 || tagging->keys.count == 0))
		error = fault_set(fault, ERR_BAD_BODY, "the body needs both tags and keys");
	for (size_t i = 0; i < tagging->tags.count && !error; i++) {
		error = tag_check(tagging->tags.items[i], fault);
		if (error)
			snprintf(fault->pointer, sizeof fault->pointer, "/tags/%zu", i);
	}
	for (size_t i = 0; i < tagging->keys.count && !error; i++) {
		snprintf(pointer, sizeof pointer, "/keys/%zu", i);
		error = keys_many_add(&tagging->many, tagging->keys.items[i], pointer, fault);
	}
	return error;
}

void api_tags_add(struct request *request, void *context)
{
	struct app *app = context;
	struct tagging_body *tagging = arena_alloc(request_arena(request), sizeof *tagging);
	size_t tagged;
	struct fault fault;

	keys_many_begin(&tagging->many, request);
	if (read_tagging(request, tagging, &fault) ||
		tag_existing(&app->engine.cache, tagging->tags.items, tagging->tags.count,
			tagging->many.names, tagging->many.count, &tagged, &fault)) {
		reply_fault(request, &fault);
	} else {
		answer_log_note(request, app, "tagged keys", slice_of(NULL, 0), tagging->note);
		answer_int(request, "tagged", (int64_t)tagged);
	}
}
