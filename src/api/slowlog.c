/* SPDX-License-Identifier: MIT */
/*
 * GET /slowlog: the slow commands of all primaries, the newest first.
 *
 * Of the arguments only the first key is shown: others may be values, or secrets.
 */
#include <stdlib.h>

#include "api/handlers.h"
#include "api/keys.h"
#include "api/server_nodes.h"
#include "base/mem.h"
#include "cache/guard.h"
#include "redis/key_place.h"
#include "text/json.h"

enum { list_default = 100, list_max = 1000, shown_bytes = 256 };

/* [id, seconds, microseconds, [command, arguments...], client, its name] */
struct slow {
	const struct redis_node *node;
	const struct redis_value *entry;
	int64_t seconds, id;
};

static int64_t number(const struct redis_value *entry, size_t i)
{
	return i < entry->count && entry->items[i]->type == REDIS_INTEGER ? entry->items[i]->integer
									  : -1;
}

static size_t count_entries(const struct answer_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].reply)
			count += set->items[i].reply->count;
	return count;
}

static bool is_entry(const struct redis_value *entry)
{
	return entry->type == REDIS_ARRAY && entry->count >= 4 &&
	       entry->items[3]->type == REDIS_ARRAY && entry->items[3]->count > 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct slow *x = a, *y = b;

	if (x->seconds != y->seconds)
		return x->seconds < y->seconds ? 1 : -1;
	return (x->id < y->id) - (x->id > y->id);
}

static size_t collect(const struct answer_set *set, struct slow *entries)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct redis_value *reply = set->items[i].reply;

		for (size_t at = 0; reply && at < reply->count; at++) {
			const struct redis_value *entry = reply->items[at];

			if (is_entry(entry))
				entries[count++] = (struct slow){set->items[i].node, entry,
					number(entry, 1), number(entry, 0)};
		}
	}
	qsort(entries, count, sizeof *entries, newest_first);
	return count;
}

/* The first key, if there is one that the caller may see. Redis cuts long arguments itself. */
static bool key_of(const struct guard *guard, const struct redis_value *words, struct slice *ret)
{
	struct key_place place;
	struct fault fault;

	if (!key_place_of(redis_value_item(words, 0), &place) || place.first >= words->count)
		return false;
	if (place.counted && slice_is(redis_value_item(words, place.first - 1), "0"))
		return false;
	*ret = redis_value_item(words, place.first);
	enum error error = guard_exact(guard, *ret, &fault);

	return ret->n && error != ERR_KEY_RESERVED && error != ERR_KEY_OUTSIDE_PREFIXES;
}

static void add_text(cJSON *item, const char *name, const struct redis_value *entry, size_t i)
{
	struct slice text = redis_value_item(entry, i);

	if (text.n)
		json_add_slice(
			item, name, slice_of(text.p, text.n < shown_bytes ? text.n : shown_bytes));
	else
		cJSON_AddNullToObject(item, name);
}

static cJSON *entry_json(const struct guard *guard, const struct slow *slow)
{
	const struct redis_value *words = slow->entry->items[3];
	cJSON *item = cJSON_CreateObject();
	int64_t us = number(slow->entry, 2);
	struct slice key;

	json_add_text(item, "node", redis_node_name(slow->node));
	json_add_count(item, "id", slow->id);
	json_add_time(item, "time", slow->seconds < 0 ? -1 : slow->seconds * 1000);
	json_add_known(item, "duration_ms", us < 0 ? -1 : (double)us / 1000, 3);
	add_text(item, "command", words, 0);
	if (key_of(guard, words, &key)) {
		keys_add_name(item, key);
	} else {
		cJSON_AddNullToObject(item, "key");
		cJSON_AddNullToObject(item, "key_encoding");
	}
	json_add_uint(item, "arguments", words->count - 1);
	add_text(item, "client", slow->entry, 4);
	add_text(item, "client_name", slow->entry, 5);
	return item;
}

void api_slowlog(struct request *request, void *context)
{
	const struct app *app = context;
	int64_t limit = list_default;
	struct answer_set *set;
	struct guard guard;
	struct fault fault;

	if (request_query_int(request, "limit", 1, list_max, &limit, &fault) ||
		server_answers_get(app->slowlog, &set, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	guard_init_few(&guard, request_conf(request), request_identity(request));
	struct slow *entries = mem_array(count_entries(set), sizeof *entries);
	size_t count = collect(set, entries);
	cJSON *body = server_nodes_begin(set), *items = cJSON_AddArrayToObject(body, "items");

	for (size_t i = 0; i < count && i < (size_t)limit; i++)
		cJSON_AddItemToArray(items, entry_json(&guard, &entries[i]));
	cJSON_AddNullToObject(body, "next");
	mem_free(entries);
	server_answers_unref(set);
	reply_json(request, 200, body);
}
