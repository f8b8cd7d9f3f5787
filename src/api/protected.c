/* SPDX-License-Identifier: MIT */
/* GET /protected: which keys are kept from callers, and why. */
#include "api/app.h"
#include "api/handlers.h"
#include "cache/guard.h"
#include "text/json.h"

static void add_reserved(cJSON *list, const char *prefix, const char *keys)
{
	cJSON *item = cJSON_CreateObject();

	json_add_text(item, "prefix", prefix);
	cJSON_AddStringToObject(item, "for", keys);
	cJSON_AddItemToArray(list, item);
}

void api_protected(struct request *request, void *context)
{
	const struct conf *conf = request_conf(request);
	cJSON *body = cJSON_CreateObject();
	cJSON *items = cJSON_AddArrayToObject(body, "items");

	(void)context;
	for (size_t i = 0; i < conf->protected_count; i++) {
		cJSON *item = cJSON_CreateObject();

		json_add_slice(item, "pattern", conf->protected[i]);
		cJSON_AddStringToObject(item, "from", guard_protects_by(conf, &conf->protected[i]));
		cJSON_AddItemToArray(items, item);
	}
	cJSON *reserved = cJSON_AddArrayToObject(body, "reserved");
	add_reserved(reserved, conf->redis.own_prefix, "cachewarden");
	add_reserved(reserved, GUARD_SESSION_PREFIX, "sessions");
	reply_json(request, 200, body);
}
