/* SPDX-License-Identifier: MIT */
/* GET and POST /warm: lists and starts warm jobs. */
#include <string.h>

#include "api/body.h"
#include "api/handlers.h"
#include "api/hide.h"
#include "api/operations.h"
#include "api/pauses.h"
#include "api/warm_jobs.h"
#include "base/mem.h"
#include "text/json.h"
#include "warm/schedule.h"

enum { max_wait = 300, names_max = 1000 };

struct warm_body {
	struct body_list names;
	struct slice note;
	int64_t wait;
	bool strict;
};

struct started {
	struct warm_started *runs;
	size_t count;
	struct slice refused; /* the job that could not be started; borrowed */
};

static enum error read_body(struct request *request, struct warm_body *asked, struct fault *fault)
{
	const struct body_member members[] = {
		{"cache_names", BODY_LIST, &asked->names, 1, names_max},
		{"wait", BODY_INT, &asked->wait, 0, max_wait},
		{"strict", BODY_BOOL, &asked->strict, 0, 0},
		{"note", BODY_STRING, &asked->note, 0, BODY_NOTE_BYTES},
	};

	return body_parse(request,
		&(struct body_table){.members = members, .count = sizeof members / sizeof *members},
		fault);
}

/* The caller must be allowed to write all keys of the job. */
static enum error check_prefixes(
	const struct identity *who, const struct conf_job *job, struct fault *fault)
{
	if (hide_inside(who, job->key))
		return OK;
	return fault_set(fault, ERR_KEY_OUTSIDE_PREFIXES,
		"the keys of the job '%s' do not begin with one of the key_prefixes of token '%s'; "
		"nothing was started",
		job->name, who->name);
}

enum error api_warm_check(const struct slice *names, size_t count, const struct identity *who,
	const struct conf *conf, struct fault *fault)
{
	enum error error = OK;

	for (size_t i = 0; i < count && !error; i++) {
		struct slice name = names[i];
		const struct conf_job *job = conf_job(conf, name);

		if (!job)
			return fault_set(fault, ERR_UNKNOWN_JOB,
				"there is no warm job '%.*s'; nothing was started",
				(int)(name.n > 64 ? 64 : name.n), name.p);
		error = check_prefixes(who, job, fault);
	}
	return error;
}

static enum error start_one(struct app *app, struct request *request, struct slice job,
	const char *note, struct started *started, struct fault *fault)
{
	started->runs = mem_realloc(started->runs, (started->count + 1) * sizeof *started->runs);
	enum error error = warm_start(app->warm, job, request_identity(request), note,
		&started->runs[started->count], fault);
	if (error)
		started->refused = job;
	else
		started->count++;
	return error;
}

static enum error start_all(struct app *app, struct request *request, const struct warm_body *asked,
	struct started *started, struct fault *fault)
{
	const struct conf *conf = request_conf(request);
	const struct identity *who = request_identity(request);
	enum error error = api_warm_check(asked->names.items, asked->names.count, who, conf, fault);

	for (size_t i = 0; !error && i < asked->names.count; i++)
		error = start_one(
			app, request, asked->names.items[i], asked->note.p, started, fault);
	for (size_t i = 0; !error && !asked->names.count && i < conf->job_count; i++)
		if (!conf->jobs[i].suspended && hide_inside(who, conf->jobs[i].key))
			error = start_one(app, request, slice_str(conf->jobs[i].name),
				asked->note.p, started, fault);
	return error;
}

/* True when all have ended. Parks. */
static bool wait_for(struct warm *warm, const struct started *started, int64_t deadline)
{
	bool all = true;

	for (size_t i = 0; i < started->count; i++)
		if (warm_wait(warm, &started->runs[i], deadline))
			all = false;
	return all;
}

/* From best to worst. */
static int rank(enum operation_state state)
{
	static const enum operation_state order[] = {OPERATION_COMPLETED, OPERATION_QUEUED,
		OPERATION_RUNNING, OPERATION_PARTIAL, OPERATION_CANCELLED, OPERATION_INTERRUPTED,
		OPERATION_FAILED};

	for (int i = 0; i < (int)(sizeof order / sizeof *order); i++)
		if (order[i] == state)
			return i;
	return 0;
}

static enum operation_state worst_of(const struct started *started)
{
	enum operation_state worst = OPERATION_COMPLETED;

	for (size_t i = 0; i < started->count; i++)
		if (rank(started->runs[i].state) > rank(worst))
			worst = started->runs[i].state;
	return worst;
}

/* How the run ended; takes `view` over. */
static void add_end(struct request *request, struct operation_view *view, cJSON *item)
{
	/* A run that another caller started is shown as its operation would be. */
	hide_operation(request_identity(request), request_conf(request), view);
	if (view->error_code)
		json_add_text(item, "error", view->error_detail);
	cJSON_AddItemToObject(item, "result",
		view->result ? cJSON_Duplicate(view->result, true) : cJSON_CreateNull());
	operation_view_release(view);
}

static cJSON *run_json(struct request *request, struct warm_started *run)
{
	cJSON *item = cJSON_CreateObject();
	char *location = mem_printf(OPERATIONS_PATH "/%s", run->operation_id);

	cJSON_AddStringToObject(item, "operation_id", run->operation_id);
	cJSON_AddStringToObject(item, "job", run->job);
	cJSON_AddStringToObject(item, "state", operation_state_name(run->state));
	cJSON_AddStringToObject(item, "location", location);
	if (run->already_running)
		cJSON_AddTrueToObject(item, "already_running");
	if (run->operation && operation_ended(run->operation))
		operation_view(run->operation, &run->end);
	if (*run->end.id)
		add_end(request, &run->end, item);
	mem_free(location);
	return item;
}

static cJSON *runs_json(struct request *request, const struct started *started)
{
	cJSON *runs = cJSON_CreateArray();

	for (size_t i = 0; i < started->count; i++)
		cJSON_AddItemToArray(runs, run_json(request, &started->runs[i]));
	return runs;
}

/* The runs that were begun before the error go on: they are named. */
static void reply_refused(
	struct request *request, const struct started *started, const struct fault *fault)
{
	struct fault told = *fault;
	cJSON *extra = NULL;

	if (started->count) {
		fault_set(&told, fault->error,
			"job '%.*s' was not started, nor any after it; what was begun before goes "
			"on, see \"runs\": %.400s",
			(int)started->refused.n, started->refused.p, fault->detail);
		extra = cJSON_CreateObject();
		cJSON_AddItemToObject(extra, "runs", runs_json(request, started));
	}
	reply_fault_with(request, &told, extra);
}

static void reply_runs(struct request *request, struct warm *warm, const struct warm_body *asked,
	const struct started *started)
{
	bool ended = wait_for(warm, started, clock_deadline(asked->wait * 1000));
	enum operation_state state = ended ? worst_of(started) : OPERATION_RUNNING;
	cJSON *body = cJSON_CreateObject();
	int status = ended ? 200 : 202;

	cJSON_AddStringToObject(body, "state", operation_state_name(state));
	cJSON_AddItemToObject(body, "runs", runs_json(request, started));
	if (asked->strict && ended && state == OPERATION_FAILED)
		status = error_status(ERR_WARM_FAILED);
	reply_json(request, status, body);
}

void api_warm_start(struct request *request, void *context)
{
	struct app *app = context;
	struct warm_body asked = {0};
	struct started started = {0};
	struct fault fault;

	enum error error = read_body(request, &asked, &fault);
	if (!error)
		error = start_all(app, request, &asked, &started, &fault);
	if (error)
		reply_refused(request, &started, &fault);
	else
		reply_runs(request, app->warm, &asked, &started);
	for (size_t i = 0; i < started.count; i++)
		warm_started_release(&started.runs[i]);
	mem_free(started.runs);
}

struct listing_jobs {
	const struct identity *who; /* NULL = all are shown */
	bool full;
	cJSON *jobs;
};

static void add_schedule(cJSON *object, const struct conf_job *conf)
{
	struct buf text = {0};

	schedule_text(&conf->schedule, &text);
	if (text.n)
		json_add_slice(object, "schedule", buf_slice(&text));
	else
		cJSON_AddNullToObject(object, "schedule");
	cJSON_AddBoolToObject(object, "suspended", conf->suspended);
	buf_release(&text);
}

static void add_missed(cJSON *object, const struct job_missed *missed)
{
	if (!missed->count) {
		cJSON_AddNullToObject(object, "last_missed");
		return;
	}
	cJSON *item = cJSON_AddObjectToObject(object, "last_missed");

	json_add_time(item, "due", missed->due_wall_ms);
	json_add_time(item, "time", missed->wall_ms);
	json_add_uint(item, "count", missed->count);
	cJSON *error = cJSON_AddObjectToObject(item, "error");
	cJSON_AddStringToObject(error, "code", error_code(missed->why.error));
	json_add_slice(error, "detail", slice_str(missed->why.detail));
}

static void add_job(void *context, struct warm_job *job)
{
	struct listing_jobs *listing = context;
	const struct identity *who = listing->who;

	if (who && !hide_inside(who, job->conf->key))
		return;
	cJSON *object = cJSON_CreateObject();
	json_add_slice(object, "name", slice_str(job->conf->name));
	if (listing->full)
		add_schedule(object, job->conf);
	json_add_time(object, "next_run", job->next_run_wall_ms);
	if (who && *job->last_run.id)
		hide_operation(who, job->all, &job->last_run);
	if (*job->last_run.id)
		cJSON_AddItemToObject(object, "last_run", operation_record_json(&job->last_run));
	else
		cJSON_AddNullToObject(object, "last_run");
	json_add_time(object, "last_success", job->last_success_wall_ms);
	if (listing->full) {
		cJSON_AddItemToObject(object, "usefulness", job_use_json(&job->use));
		add_missed(object, &job->missed);
	}
	cJSON_AddItemToArray(listing->jobs, object);
}

cJSON *api_warm_jobs(const struct warm *warm, const struct identity *who, bool full)
{
	struct listing_jobs listing = {.who = who, .full = full, .jobs = cJSON_CreateArray()};

	warm_each(warm, add_job, &listing);
	return listing.jobs;
}

void api_warm_list(struct request *request, void *context)
{
	const struct app *app = context;
	cJSON *body = cJSON_CreateObject();

	cJSON_AddItemToObject(
		body, "jobs", api_warm_jobs(app->warm, request_identity(request), true));
	cJSON_AddItemToObject(body, "paused", pauses_json(app, PAUSE_WARMING));
	reply_json(request, 200, body);
}
