/* SPDX-License-Identifier: MIT */
/* GET /namespaces: what the last sample of the keys says, from memory; see namespace_json.h. */
#include "api/handlers.h"
#include "api/namespace_json.h"
#include "text/json.h"

enum { list_default = 100, list_max = 1000 };

static enum error read_sort(struct request *request, bool *ret_by_bytes, struct fault *fault)
{
	struct slice value;

	if (!request_query(request, "sort", &value) || slice_is(value, "keys"))
		return OK;
	*ret_by_bytes = true;
	return slice_is(value, "bytes") ? OK
					: fault_set(fault, ERR_BAD_PARAMETER,
						  "the query parameter sort must be keys or bytes");
}

void api_namespaces(struct request *request, void *context)
{
	struct namespace_page page = {.limit = list_default};
	int64_t from = 0, limit = list_default;
	struct fault fault;

	if (request_query_int(request, "limit", 1, list_max, &limit, &fault) ||
		request_query_int(request, "cursor", 0, NAMESPACE_TABLE_MAX, &from, &fault) ||
		read_sort(request, &page.by_bytes, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	page.limit = (size_t)limit;
	page.from = (size_t)from;
	cJSON *body = cJSON_CreateObject();

	json_add_time(body, "time", clock_wall_ms());
	namespace_json(body, context, request_identity(request), request_conf(request), &page);
	if (page.next) {
		char room[SLICE_INT_ROOM];

		json_add_slice(body, "next", slice_of_int(room, (int64_t)page.next));
	} else {
		cJSON_AddNullToObject(body, "next");
	}
	reply_json(request, 200, body);
}
