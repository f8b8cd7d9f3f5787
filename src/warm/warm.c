/* SPDX-License-Identifier: MIT */
/* Starting, joining and awaiting runs; see warm.h. */
#include "warm/warm.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "invalidate/invalidator.h"
#include "operation/pause.h"
#include "text/json.h"
#include "warm/run.h"
#include "warm/run_result.h"
#include "warm/scheduler.h"
#include "warm/trigger.h"
#include "warm/usefulness.h"

enum { start_ms = 5000, look_again_ms = 50, look_elsewhere_ms = 200 };

struct warm {
	struct cache *cache;
	struct operations *operations;
	const struct pauses *pauses;
	struct log *log;
	struct jobs *jobs; /* points to all_jobs: warm_each() may start a refresh */
	struct jobs all_jobs;
	struct run_world world;
	struct scheduler *scheduler;
	struct schedules prepared;
	struct event_subscription *flushed, *operation_ended;
};

static void on_flushed(void *context, const void *data)
{
	struct warm *warm = context;

	(void)data;
	triggers_flushed(warm->world.triggers);
	scheduler_run_on(warm->scheduler, SCHEDULER_FLUSHED);
}

/* Forgets a run that was cancelled before its work began; others do so themselves. */
static void on_operation(void *context, const void *data)
{
	struct warm *warm = context;

	for (size_t i = 0; i < warm->jobs->count; i++) {
		struct job *job = warm->jobs->items[i];

		if (!job->running || job->running != data)
			continue;
		operation_unref(job->running);
		job->running = NULL;
	}
}

/* An invalidation that names the job has ended. */
static enum error rewarm(void *context, const struct invalidation_rewarm *asked,
	char ret_id[OPERATION_ID_BYTES + 1], struct fault *fault)
{
	const struct warm *warm = context;
	const struct trigger_ask ask = {.job = asked->job, .by = asked->by, .note = asked->note};

	return triggers_fire(warm->world.triggers, &ask, ret_id, fault);
}

struct warm *warm_new(struct engine *engine, struct log *log, struct sources *sources)
{
	struct cache *cache = &engine->cache;
	struct warm *warm = mem_new(struct warm);
	struct fault fault;

	warm->cache = cache;
	warm->operations = engine->operations;
	warm->pauses = engine->pauses;
	warm->log = log;
	warm->jobs = &warm->all_jobs;
	jobs_init(warm->jobs, cache);
	warm->world = (struct run_world){.cache = cache,
		.log = log,
		.sources = sources,
		.jobs = warm->jobs,
		.pauses = engine->pauses,
		.undo = undo_new(cache, log)};
	warm->world.usefulness = usefulness_new(warm->jobs);
	warm->world.triggers = triggers_new(&warm->world, engine->operations, engine->pauses);
	invalidator_on_rewarm(engine->invalidator, rewarm, warm);
	warm->scheduler = scheduler_new(warm, cache, log, warm->jobs);
	if (warm_prepare(warm, cache->conf, &fault))
		log_error(log, "warm jobs have no schedule: %s", fault.detail);
	warm_commit(warm, cache->conf);
	warm->flushed = event_subscribe(cache->bus, EVENT_REDIS_FLUSHED, on_flushed, warm);
	warm->operation_ended = event_subscribe(cache->bus, EVENT_OPERATION, on_operation, warm);
	return warm;
}

void warm_stop(struct warm *warm)
{
	event_unsubscribe(warm->flushed);
	warm->flushed = NULL;
	scheduler_stop(warm->scheduler);
	usefulness_stop(warm->world.usefulness);
	jobs_stop(warm->jobs);
	undo_stop(warm->world.undo);
}

void warm_free(struct warm *warm)
{
	if (!warm)
		return;
	event_unsubscribe(warm->flushed);
	event_unsubscribe(warm->operation_ended);
	scheduler_free(warm->scheduler);
	schedules_release(&warm->prepared);
	triggers_free(warm->world.triggers);
	usefulness_free(warm->world.usefulness);
	jobs_release(warm->jobs);
	undo_free(warm->world.undo);
	mem_free(warm);
}

enum error warm_prepare(struct warm *warm, struct conf *next, struct fault *fault)
{
	schedules_release(&warm->prepared);
	return schedules_load(next, &warm->prepared, fault);
}

void warm_commit(struct warm *warm, struct conf *next)
{
	jobs_configure(warm->jobs, next);
	triggers_configure(warm->world.triggers, next);
	scheduler_adopt(warm->scheduler, next, &warm->prepared);
}

void warm_startup(struct warm *warm)
{
	jobs_refresh(warm->jobs);
	scheduler_run_on(warm->scheduler, SCHEDULER_STARTUP);
}

static void describe(struct warm_started *ret, struct operation *operation, bool already)
{
	snprintf(ret->operation_id, sizeof ret->operation_id, "%s", operation_id(operation));
	ret->state = operation_state(operation);
	ret->already_running = already;
	ret->operation = operation_ref(operation);
}

/* The arguments of one start. */
struct start {
	struct warm *warm;
	struct conf *conf;
	const struct conf_job *conf_job;
	struct job *job;
	const struct identity *who;
	const char *note;
};

/* Begins the operation, which takes the lock over. */
static enum error begin(const struct start *start, struct lock *lock, struct fault *fault)
{
	struct run_world *world = &start->warm->world;
	struct operation_spec spec = {
		.kind = &run_kind,
		.subject = start->job->name,
		.by = start->who->name,
		.note = start->note,
		.run = run_work,
		.context = run_new(world, start->conf, start->conf_job, start->job, lock),
		.free_context = run_free,
		.timeout_ms = RUN_QUEUE_MS + start->conf_job->timeout_ms,
	};

	return operation_begin(start->warm->operations, &spec, &start->job->running, fault);
}

/*
 * One try. OK with an empty operation_id: another daemon has the lock, but has not written its
 * operation's id into it yet. Parks.
 */
static enum error try_start(
	const struct start *start, struct warm_started *ret, struct fault *fault)
{
	struct cache *cache = start->warm->cache;
	struct lock *lock;
	enum error error =
		lock_take(cache, slice_str(start->job->name), &lock, ret->operation_id, fault);

	if (error)
		return error;
	if (!lock) {
		ret->state = OPERATION_RUNNING;
		ret->already_running = true;
		return OK;
	}
	error = begin(start, lock, fault);
	if (!error)
		describe(ret, start->job->running, false);
	return error;
}

/* Parks. */
static enum error start_or_join(
	const struct start *start, struct warm_started *ret, struct fault *fault)
{
	struct job *job = start->job;
	int64_t deadline = clock_deadline(start_ms);
	enum error error = OK;

	for (;;) {
		while (job->starting && !error)
			error = fiber_cond_wait(
				&start->warm->jobs->started, "a run to start", deadline);
		if (error)
			break;
		if (job->running) {
			describe(ret, job->running, true);
			return OK;
		}
		job->starting = true;
		error = try_start(start, ret, fault);
		job->starting = false;
		fiber_cond_broadcast(&start->warm->jobs->started);
		if (error || ret->operation_id[0])
			return error;
		error = clock_mono_ms() < deadline ? fiber_sleep(look_again_ms) : ERR_TIMEOUT;
		if (error)
			break;
	}
	return fault_set(fault, error, "another daemon is starting job \"%s\"; try again in %d s",
		job->name, LOCK_TTL_MS / 1000);
}

enum error warm_start(struct warm *warm, struct slice job, const struct identity *who,
	const char *note, struct warm_started *ret, struct fault *fault)
{
	struct start start = {warm, warm->cache->conf, conf_job(warm->cache->conf, job),
		jobs_find(warm->jobs, job), who, note};
	enum error error;

	*ret = (struct warm_started){0};
	if (!start.conf_job || !start.job)
		return fault_set(fault, ERR_UNKNOWN_JOB, "there is no warm job \"%.*s\"",
			(int)(job.n < 200 ? job.n : 200), job.p);
	error = pause_check(warm->pauses, PAUSE_WARMING, fault);
	if (error)
		return error;
	conf_ref(start.conf);
	error = start_or_join(&start, ret, fault);
	if (!error) {
		ret->job = mem_strdup(start.job->name);
		log_debug(warm->log, "warm job %s: %s the operation %s", ret->job,
			ret->already_running ? "joins" : "began", ret->operation_id);
	}
	conf_unref(start.conf);
	return error;
}

/* Reads the record of a run of another daemon. Parks. */
static enum error look_elsewhere(struct warm *warm, struct warm_started *started)
{
	struct operation_view view;
	enum error error =
		operations_find(warm->operations, slice_str(started->operation_id), &view, NULL);

	if (error)
		return error;
	started->state = view.state;
	if (view.state == OPERATION_QUEUED || view.state == OPERATION_RUNNING)
		operation_view_release(&view);
	else
		started->end = view;
	return OK;
}

/* Parks. */
static enum error wait_elsewhere(struct warm *warm, struct warm_started *started, int64_t deadline)
{
	while (!*started->end.id) {
		int64_t left = deadline - clock_mono_ms();

		if (left <= 0)
			return ERR_TIMEOUT;
		enum error error = look_elsewhere(warm, started);
		if (!error && !*started->end.id)
			error = fiber_sleep(left < look_elsewhere_ms ? left : look_elsewhere_ms);
		if (error)
			return error == ERR_CANCELLED ? error : ERR_TIMEOUT;
	}
	return OK;
}

enum error warm_wait(struct warm *warm, struct warm_started *started, int64_t deadline)
{
	enum error error = OK;

	if (started->operation) {
		error = operation_wait(started->operation, deadline);
		started->state = operation_state(started->operation);
		return error;
	}
	fiber_wait_begin();
	error = wait_elsewhere(warm, started, deadline);
	fiber_wait_end();
	return error;
}

void warm_started_release(struct warm_started *started)
{
	operation_view_release(&started->end);
	if (started->operation)
		operation_unref(started->operation);
	mem_free(started->job);
	*started = (struct warm_started){0};
}

/* -1 = none. What is due while warming is paused is skipped. */
static int64_t next_run(const struct warm *warm, const struct job *job)
{
	const struct pause_state *pause = pause_state(warm->pauses, PAUSE_WARMING);

	if (job->suspended || job->next_run_wall_ms < 0)
		return -1;
	return pause && job->next_run_wall_ms < pause->until_wall_ms
		       ? schedule_start_from(job->schedule, pause->until_wall_ms)
		       : job->next_run_wall_ms;
}

void warm_each(
	const struct warm *warm, void (*look)(void *context, struct warm_job *job), void *context)
{
	const struct conf *conf = warm->cache->conf;

	jobs_refresh(warm->jobs);
	for (size_t i = 0; i < conf->job_count; i++) {
		const struct job *job = jobs_find(warm->jobs, slice_str(conf->jobs[i].name));

		if (!job)
			continue;
		struct warm_job state = {.all = conf,
			.conf = &conf->jobs[i],
			.next_run_wall_ms = next_run(warm, job),
			.last_success_wall_ms = job->last_success_wall_ms,
			.use = job->use,
			.missed = job->missed,
			.failing = job_is_failing(job)};
		job_last_run(job, &state.last_run);
		look(context, &state);
		operation_view_release(&state.last_run);
	}
}

size_t warm_running(const struct warm *warm)
{
	size_t running = 0;

	for (size_t i = 0; i < warm->jobs->count; i++)
		running += warm->jobs->items[i]->running != NULL;
	return running;
}

size_t warm_failing(
	const struct warm *warm, size_t *ret_missed, const char **ret_name, const char **ret_why)
{
	size_t failing = 0;

	*ret_name = *ret_why = NULL;
	*ret_missed = 0;
	for (size_t i = 0; i < warm->jobs->count; i++) {
		const struct job *job = warm->jobs->items[i];

		if (!job->configured || !job_is_failing(job))
			continue;
		*ret_missed += job->missed.open;
		if (failing++)
			continue;
		*ret_name = job->name;
		*ret_why = job->missed.open ? job->missed.why.detail
					    : json_member_text(cJSON_GetObjectItemCaseSensitive(
								       job->last_run, "error"),
						      "detail");
	}
	return failing;
}
