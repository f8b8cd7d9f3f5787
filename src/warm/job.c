/* SPDX-License-Identifier: MIT */
/* Jobs and their records in Redis; see job.h. */
#include "warm/job.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "text/json.h"
#include "text/quantity.h"

enum { refresh_ms = 1000, write_ms = 2000 };

#define RECORD_TTL_MS "2592000000" /* 30 days */

void jobs_init(struct jobs *jobs, struct cache *cache)
{
	*jobs = (struct jobs){.cache = cache, .refreshed_at_ms = -1};
	fiber_group_init(&jobs->refreshers, "warm jobs", cache->loop);
}

void jobs_release(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->count; i++) {
		struct job *job = jobs->items[i];

		schedule_free(job->schedule);
		if (job->running)
			operation_unref(job->running);
		cJSON_Delete(job->last_run);
		key_sample_release(&job->sample);
		mem_free(job->etag);
		mem_free(job->name);
		mem_free(job);
	}
	mem_free(jobs->items);
	jobs->items = NULL;
	jobs->count = 0;
}

void jobs_stop(struct jobs *jobs)
{
	jobs->stopped = true;
	fiber_group_stop(&jobs->refreshers);
}

struct job *jobs_find(const struct jobs *jobs, struct slice name)
{
	for (size_t i = 0; i < jobs->count; i++)
		if (slice_is(name, jobs->items[i]->name))
			return jobs->items[i];
	return NULL;
}

static struct job *add(struct jobs *jobs, const char *name)
{
	struct job *job = mem_new(struct job);

	job->name = mem_strdup(name);
	job->next_nominal_wall_ms = job->next_run_wall_ms = -1;
	job->last_finished_wall_ms = job->last_success_wall_ms = job->triggered_at_ms = -1;
	jobs->items = mem_realloc(jobs->items, (jobs->count + 1) * sizeof *jobs->items);
	jobs->items[jobs->count++] = job;
	jobs->refreshed_at_ms = -1;
	return job;
}

bool job_is_failing(const struct job *job)
{
	return job->failing || job->missed.open;
}

/* The number of failing jobs, for alerts; a job that is not configured any more does not count. */
static void count_failing(struct jobs *jobs)
{
	unsigned failing = 0;

	for (size_t i = 0; i < jobs->count; i++)
		failing += jobs->items[i]->configured && job_is_failing(jobs->items[i]);
	metric_set(jobs->cache->metrics, METRIC_WARM_FAILING_JOBS, NULL, NULL, failing);
}

void jobs_configure(struct jobs *jobs, const struct conf *conf)
{
	for (size_t i = 0; i < jobs->count; i++) {
		jobs->items[i]->configured = false;
		/* The document may be read in another way from now on. */
		mem_free(jobs->items[i]->etag);
		jobs->items[i]->etag = NULL;
	}
	for (size_t i = 0; i < conf->job_count; i++) {
		struct job *job = jobs_find(jobs, slice_str(conf->jobs[i].name));

		if (!job)
			job = add(jobs, conf->jobs[i].name);
		job->configured = true;
		if (job->suspended != conf->jobs[i].suspended)
			log_debug(jobs->cache->log, "warm job %s: %s", job->name,
				job->suspended ? "goes on" : "suspended");
		job->suspended = conf->jobs[i].suspended;
	}
	count_failing(jobs);
}

/* A time among an object's members; -1 where there is none. */
static int64_t time_member(const cJSON *object, const char *name)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
	int64_t wall_ms;

	if (!cJSON_IsString(member) || timestamp_parse(slice_str(member->valuestring), &wall_ms))
		return -1;
	return wall_ms;
}

static bool state_is(const cJSON *record, enum operation_state state)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(record, "state");

	return cJSON_IsString(member) && !strcmp(member->valuestring, operation_state_name(state));
}

static void succeeded(struct jobs *jobs, struct job *job, int64_t wall_ms)
{
	if (wall_ms < 0 || wall_ms == job->last_success_wall_ms)
		return;
	job->last_success_wall_ms = wall_ms;
	metric_set(jobs->cache->metrics, METRIC_WARM_LAST_SUCCESS, job->name, NULL,
		(double)wall_ms / 1e3);
}

/* Takes `record` over. */
static void learn(struct jobs *jobs, struct job *job, cJSON *record)
{
	int64_t finished = time_member(record, "finished");

	if (state_is(record, OPERATION_COMPLETED))
		succeeded(jobs, job, finished);
	cJSON_Delete(job->last_run);
	job->last_run = record;
	job->last_finished_wall_ms = finished;
	job->missed.open &= finished < job->missed.wall_ms;
	/* A few bad rows make a run partial without an error. */
	job->failing = state_is(record, OPERATION_FAILED) ||
		       (state_is(record, OPERATION_PARTIAL) &&
			       cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(record, "error")));
	count_failing(jobs);
}

/*
 * Whether the run in Redis is newer than ours. It is, whatever the clocks of the daemons say,
 * unless our own last run is not in Redis yet.
 */
static bool is_news(const struct job *job, const cJSON *run)
{
	return !job->unsaved || time_member(run, "finished") >= job->last_finished_wall_ms;
}

static void set_use(struct jobs *jobs, struct job *job)
{
	if (job->use.sampled)
		metric_set(jobs->cache->metrics, METRIC_WARM_READ_RATIO, job->name, NULL,
			(double)job->use.read / job->use.sampled);
}

cJSON *job_use_json(const struct job_use *use)
{
	cJSON *object;

	if (!use->wall_ms)
		return cJSON_CreateNull();
	object = cJSON_CreateObject();
	json_add_time(object, "time", use->wall_ms);
	json_add_uint(object, "sampled", use->sampled);
	json_add_uint(object, "read", use->read);
	if (use->sampled)
		json_add_number(object, "ratio", (double)use->read / use->sampled, 3);
	else
		cJSON_AddNullToObject(object, "ratio");
	cJSON_AddStringToObject(object, "method", use->by_frequency ? "freq" : "idletime");
	return object;
}

/* Another daemon may have measured it. */
static void read_use(struct jobs *jobs, struct job *job, const cJSON *object)
{
	const cJSON *sampled = cJSON_GetObjectItemCaseSensitive(object, "sampled");
	const cJSON *read = cJSON_GetObjectItemCaseSensitive(object, "read");
	const cJSON *method = cJSON_GetObjectItemCaseSensitive(object, "method");
	int64_t wall_ms = time_member(object, "time");

	if (wall_ms <= job->use.wall_ms || !cJSON_IsNumber(sampled) || !cJSON_IsNumber(read) ||
		!cJSON_IsString(method) || sampled->valuedouble < 0 ||
		sampled->valuedouble > KEY_SAMPLE_MAX || read->valuedouble < 0 ||
		read->valuedouble > sampled->valuedouble)
		return;
	job->use = (struct job_use){.sampled = (unsigned)sampled->valuedouble,
		.read = (unsigned)read->valuedouble,
		.by_frequency = strcmp(method->valuestring, "freq") == 0,
		.wall_ms = wall_ms};
	set_use(jobs, job);
}

static void read_record(struct jobs *jobs, struct job *job, const struct redis_value *reply)
{
	cJSON *record, *run;

	if (!reply || reply->type != REDIS_STRING || json_parse_object(reply->text, &record, NULL))
		return;
	run = cJSON_DetachItemFromObjectCaseSensitive(record, "last_run");
	if (cJSON_IsObject(run) && is_news(job, run)) {
		learn(jobs, job, run);
		succeeded(jobs, job, time_member(record, "last_success"));
	} else {
		cJSON_Delete(run);
	}
	read_use(jobs, job, cJSON_GetObjectItemCaseSensitive(record, "usefulness"));
	cJSON_Delete(record);
}

static void refresh(void *argument)
{
	struct jobs *jobs = argument;
	struct redis_batch *batch = redis_batch_new();
	struct buf key = {0};
	size_t count = jobs->count; /* a reload may add jobs meanwhile */

	for (size_t i = 0; i < count; i++) {
		buf_clear(&key);
		cache_own_key(jobs->cache, "job:", slice_str(jobs->items[i]->name), &key);
		REDIS_ADD(batch, SLICE("GET"), buf_slice(&key));
	}
	/* Of several servers one may be away. */
	if (count)
		cache_run(jobs->cache, REDIS_COMMANDS, batch, NULL);
	for (size_t i = 0; i < count; i++)
		read_record(jobs, jobs->items[i], redis_batch_reply(batch, i));
	buf_release(&key);
	redis_batch_free(batch);
}

void jobs_refresh(struct jobs *jobs)
{
	int64_t now = clock_mono_ms();

	if (jobs->stopped || jobs->count == 0 || jobs->refreshers.count)
		return;
	if (jobs->refreshed_at_ms >= 0 && now - jobs->refreshed_at_ms < refresh_ms)
		return;
	jobs->refreshed_at_ms = now;
	fiber_spawn(&jobs->refreshers, "warm jobs", refresh, jobs);
}

/* Writes the job's record; false if Redis has not taken it. Parks. */
static bool save(struct jobs *jobs, const struct job *job)
{
	cJSON *object = cJSON_CreateObject();
	struct redis_call call = {.idempotent = true, .deadline = clock_deadline(write_ms)};
	struct buf key = {0}, text = {0};

	json_add_time(object, "last_success", job->last_success_wall_ms);
	cJSON_AddItemReferenceToObject(object, "last_run", job->last_run);
	cJSON_AddItemToObject(object, "usefulness", job_use_json(&job->use));
	json_print(object, &text);
	cJSON_Delete(object);
	cache_own_key(jobs->cache, "job:", slice_str(job->name), &key);
	struct slice argv[] = {
		SLICE("SET"), buf_slice(&key), buf_slice(&text), SLICE("PX"), SLICE(RECORD_TTL_MS)};
	enum error error = store_call(jobs->cache->store, call, buf_slice(&key),
		sizeof argv / sizeof *argv, argv, NULL, NULL);
	buf_release(&key);
	buf_release(&text);
	return error == OK;
}

void job_ran(struct jobs *jobs, struct job *job, cJSON *record)
{
	learn(jobs, job, record);
	job->unsaved = true;
	if (save(jobs, job))
		job->unsaved = false;
}

void job_missed(struct jobs *jobs, struct job *job, int64_t due_wall_ms, const struct fault *why)
{
	job->missed = (struct job_missed){.count = job->missed.count + 1,
		.due_wall_ms = due_wall_ms,
		.wall_ms = clock_wall_ms(),
		.why = *why,
		.open = why->error != ERR_PAUSED};
	count_failing(jobs);
	event_publish(jobs->cache->bus, EVENT_MISSED,
		&(struct operation_missed){job->name, due_wall_ms, *why});
}

void job_used(struct jobs *jobs, struct job *job)
{
	set_use(jobs, job);
	/* A run of another daemon, which is not known yet, would be overwritten. */
	if (job->last_run && !job->unsaved)
		save(jobs, job);
}

void job_last_run(const struct job *job, struct operation_view *ret)
{
	*ret = (struct operation_view){0};
	if (job->running)
		operation_view(job->running, ret);
	else if (job->last_run)
		operation_record_view(cJSON_Duplicate(job->last_run, true), ret);
}
