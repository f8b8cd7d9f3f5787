/* SPDX-License-Identifier: MIT */
/* GET /alerts: the rules and their states; see alert_items.h. */
#include "api/alert_items.h"

#include <math.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "text/json.h"

static void add_real(cJSON *item, const char *name, double value)
{
	if (isnan(value))
		cJSON_AddNullToObject(item, name);
	else
		cJSON_AddNumberToObject(item, name, value);
}

static cJSON *alert_json(const struct alert_look *look, bool whole)
{
	const struct conf_alert *rule = look->rule;
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "alert", rule->name);
	cJSON_AddStringToObject(item, "state", alerts_state_name(look->state));
	json_add_time(item, "since", look->since_wall_ms);
	add_real(item, "value", look->value);
	cJSON_AddNumberToObject(item, "threshold", rule->threshold);
	cJSON_AddStringToObject(item, "severity", alerts_severity_name(rule->severity));
	if (!whole)
		return item;
	cJSON_AddStringToObject(item, "metric", rule->metric.text);
	cJSON_AddStringToObject(item, "fires", rule->is_above ? "above" : "below");
	json_add_number(item, "for_seconds", (double)rule->for_ms / 1000, 3);
	json_add_text(item, "reason", look->why_unknown ? look->why_unknown : "");
	return item;
}

cJSON *api_alert_items(const struct app *app, bool all)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < alerts_count(app->alerts); i++) {
		struct alert_look look = alerts_look(app->alerts, i);

		if (all || look.state != ALERT_INACTIVE)
			cJSON_AddItemToArray(list, alert_json(&look, all));
	}
	return list;
}

void api_alerts(struct request *request, void *context)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddItemToObject(body, "items", api_alert_items(context, true));
	cJSON_AddNullToObject(body, "next");
	reply_json(request, 200, body);
}
