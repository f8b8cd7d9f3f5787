/* SPDX-License-Identifier: MIT */
/* The beginning of answers from all servers; see server_nodes.h. */
#include "api/server_nodes.h"

#include "text/json.h"

cJSON *server_nodes_begin(const struct answer_set *set)
{
	cJSON *body = cJSON_CreateObject(), *nodes;

	json_add_time(body, "time", set->wall_ms);
	json_add_int(body, "age_ms", clock_mono_ms() - set->mono_ms);
	nodes = cJSON_AddArrayToObject(body, "nodes");
	for (size_t i = 0; i < set->count; i++) {
		const struct server_answer_item *item = &set->items[i];
		cJSON *node = cJSON_CreateObject();

		json_add_text(node, "name", redis_node_name(item->node));
		json_add_text(node, "reason", item->reply ? NULL : item->fault.detail);
		cJSON_AddItemToArray(nodes, node);
	}
	return body;
}
