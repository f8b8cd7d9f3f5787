/* SPDX-License-Identifier: MIT */
/* GET /doctor: what is wrong, and what to do. */
#include "api/doctor.h"

#include "api/app.h"
#include "api/handlers.h"
#include "text/json.h"

static void add_text(cJSON *object, const char *name, const char *text)
{
	if (text)
		json_add_slice(object, name, slice_str(text));
	else
		cJSON_AddNullToObject(object, name);
}

static cJSON *finding_json(const struct finding *finding)
{
	cJSON *object = cJSON_CreateObject();

	add_text(object, "severity", diagnosis_severity_name(finding->severity));
	add_text(object, "code", finding->code);
	add_text(object, "subject", finding->subject);
	add_text(object, "feature", finding->feature);
	add_text(object, "detail", finding->detail);
	add_text(object, "fix", finding->fix);
	return object;
}

cJSON *doctor_report(const struct diagnosis *diagnosis)
{
	cJSON *report = cJSON_CreateObject();

	cJSON_AddBoolToObject(report, "ok", diagnosis_ok(diagnosis));
	cJSON *server = cJSON_AddObjectToObject(report, "server");
	add_text(server, "name", diagnosis->name);
	add_text(server, "version", diagnosis->version);
	add_text(server, "mode", diagnosis->mode);
	add_text(server, "role", diagnosis->role);
	if (diagnosis->latency_ms < 0)
		cJSON_AddNullToObject(server, "latency_ms");
	else
		json_add_number(server, "latency_ms", diagnosis->latency_ms, 3);
	cJSON *findings = cJSON_AddArrayToObject(report, "findings");
	for (size_t i = 0; i < diagnosis->count; i++)
		cJSON_AddItemToArray(findings, finding_json(&diagnosis->findings[i]));
	add_text(report, "acl", diagnosis->acl);
	return report;
}

void api_doctor(struct request *request, void *context)
{
	struct app *app = context;
	struct diagnosis diagnosis;

	diagnosis_make(&app->engine.cache, &app->layout, &diagnosis);
	reply_json(request, 200, doctor_report(&diagnosis));
	diagnosis_release(&diagnosis);
}
