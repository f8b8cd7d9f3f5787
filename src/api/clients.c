/* SPDX-License-Identifier: MIT */
/* GET /clients: the connections of all primaries, added up; see watch/client_groups.h. */
#include "api/handlers.h"
#include "api/server_nodes.h"
#include "text/json.h"
#include "watch/client_groups.h"

enum { list_default = 100 };

static cJSON *group_json(const struct client_group *group)
{
	cJSON *item = cJSON_CreateObject();

	if (group->rest) {
		cJSON_AddNullToObject(item, "name");
		cJSON_AddNullToObject(item, "address");
	} else {
		json_add_slice(item, "name", group->name);
		json_add_slice(item, "address", group->address);
	}
	json_add_slice(item, "user", group->user);
	json_add_slice(item, "library", group->library);
	json_add_int(item, "connections", group->connections);
	json_add_int(item, "blocked", group->blocked);
	json_add_int(item, "subscribed", group->subscribed);
	json_add_int(item, "in_transaction", group->in_transaction);
	json_add_int(item, "replicas", group->replicas);
	json_add_count(item, "age_seconds", group->age_seconds);
	json_add_count(item, "idle_seconds", group->idle_seconds);
	json_add_count(item, "memory_bytes", group->memory_bytes);
	json_add_count(item, "output_bytes", group->output_bytes);
	return item;
}

void api_clients(struct request *request, void *context)
{
	const struct app *app = context;
	const struct client_group *const *sorted;
	int64_t limit = list_default, total = 0;
	struct answer_set *set;
	struct fault fault;

	if (request_query_int(request, "limit", 1, CLIENT_GROUPS_MAX, &limit, &fault) ||
		server_answers_get(app->clients, &set, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	struct client_groups *groups = client_groups_new();

	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].reply)
			client_groups_add(groups, set->items[i].reply->text);
	size_t count = client_groups_sorted(groups, &sorted);
	cJSON *body = server_nodes_begin(set), *items = cJSON_AddArrayToObject(body, "items");

	for (size_t i = 0; i < count; i++) {
		total += sorted[i]->connections;
		if (i < (size_t)limit)
			cJSON_AddItemToArray(items, group_json(sorted[i]));
	}
	json_add_int(body, "connections", total);
	json_add_uint(body, "groups", count);
	cJSON_AddNullToObject(body, "next");
	client_groups_free(groups);
	server_answers_unref(set);
	reply_json(request, 200, body);
}
