/* SPDX-License-Identifier: MIT */
/* GET /doctor: what is wrong, and what to do. */
#include "api/doctor.h"

#include "api/app.h"
#include "api/handlers.h"
#include "base/mem.h"
#include "text/json.h"

static cJSON *finding_json(const struct finding *finding)
{
	cJSON *object = cJSON_CreateObject();

	json_add_text(object, "severity", diagnosis_severity_name(finding->severity));
	json_add_text(object, "code", finding->code);
	json_add_text(object, "subject", finding->subject);
	json_add_text(object, "feature", finding->feature);
	json_add_text(object, "detail", finding->detail);
	json_add_text(object, "fix", finding->fix);
	return object;
}

static cJSON *server_json(const struct diagnosis_server *server)
{
	cJSON *object = cJSON_CreateObject();

	json_add_text(object, "name", server->name);
	json_add_text(object, "version", server->version);
	json_add_text(object, "mode", server->mode);
	json_add_text(object, "role", server->role);
	json_add_known(object, "latency_ms", server->latency_ms, 3);
	return object;
}

cJSON *doctor_report(const struct diagnosis *diagnosis)
{
	cJSON *report = cJSON_CreateObject();

	cJSON_AddBoolToObject(report, "ok", diagnosis_ok(diagnosis));
	cJSON_AddItemToObject(report, "server", server_json(&diagnosis->servers[0]));
	cJSON *servers = cJSON_AddArrayToObject(report, "servers");
	for (size_t i = 0; i < diagnosis->server_count; i++)
		cJSON_AddItemToArray(servers, server_json(&diagnosis->servers[i]));
	cJSON *findings = cJSON_AddArrayToObject(report, "findings");
	for (size_t i = 0; i < diagnosis->count; i++)
		cJSON_AddItemToArray(findings, finding_json(&diagnosis->findings[i]));
	json_add_text(report, "acl", diagnosis->acl);
	return report;
}

static void add_job(void *context, struct warm_job *job)
{
	const char *why = job->missed.open ? job->missed.why.detail : job->last_run.error_detail;

	if (!job->failing)
		return;
	diagnosis_add(context, FINDING_ERROR, "job_failing", job->conf->name,
		mem_printf("the last run of the warm job %s %s: %s", job->conf->name,
			job->missed.open ? "could not be started" : "failed",
			why ? why : "it goes on again; the error is in its operation"),
		mem_strdup("Remove the cause, and run the job: it counts as failing until a run "
			   "has ended without an error."));
}

/* What only the running daemon knows. */
static void add_own(const struct app *app, struct diagnosis *diagnosis)
{
	if (!reload_succeeded(app->reload))
		diagnosis_add(diagnosis, FINDING_WARNING, "reload_refused", "configuration",
			mem_printf("the last reload was refused, and the configuration before it "
				   "is in force: %s",
				reload_faults(app->reload)),
			mem_strdup("Correct the file, check it (cachewardend --check-config), and "
				   "reload again."));
	warm_each(app->warm, add_job, diagnosis);
}

void api_doctor(struct request *request, void *context)
{
	struct app *app = context;
	struct diagnosis diagnosis;

	diagnosis_make(&app->engine.cache, &app->layout, &diagnosis);
	add_own(app, &diagnosis);
	reply_json(request, 200, doctor_report(&diagnosis));
	diagnosis_release(&diagnosis);
}
