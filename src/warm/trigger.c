/* SPDX-License-Identifier: MIT */
/* Operations that wait for quiet, then run a job; see trigger.h. */
#include "warm/trigger.h"

#include <stdio.h>

#include "base/mem.h"

enum { look_ms = 50, lock_ms = 250, redis_patience_ms = 60000 };

struct triggers {
	struct run_world *world;
	struct operations *operations;
	const struct pauses *pauses;
	struct key_watches watches;
};

/* The context of the operation. */
struct trigger {
	struct triggers *owner;
	struct job *job;
	struct run *run;
	struct operation *operation; /* while it can be joined; not a reference */
	int64_t quiet_ms;
	int64_t first_at_ms, last_at_ms; /* its triggers; monotonic */
};

/* From now on another trigger begins another operation. */
static void leave(struct trigger *trigger)
{
	if (trigger->job->waiting == trigger)
		trigger->job->waiting = NULL;
}

static void trigger_free(void *context)
{
	struct trigger *trigger = context;

	leave(trigger);
	run_free(trigger->run);
	mem_free(trigger);
}

/* When its run may begin, if no further trigger comes. */
static int64_t due(const struct trigger *trigger)
{
	int64_t most = trigger->first_at_ms + TRIGGER_MAX_MS;
	int64_t at = trigger->last_at_ms + trigger->quiet_ms;
	int64_t last = trigger->job->triggered_at_ms;

	if (at > most)
		at = most;
	if (trigger->quiet_ms && last >= 0 && at < last + TRIGGER_GAP_MS)
		at = last + TRIGGER_GAP_MS;
	return at;
}

/* Whether keys may still be removed for what triggered it. */
static bool is_busy(const struct trigger *trigger)
{
	return trigger->quiet_ms && operations_active(trigger->owner->operations, "invalidate") &&
	       clock_mono_ms() < trigger->first_at_ms + TRIGGER_MAX_MS;
}

/* Parks. */
static enum error await_quiet(struct trigger *trigger)
{
	enum error error = OK;

	while (!error) {
		int64_t now = clock_mono_ms();

		if (key_watches_reset(&trigger->owner->watches, trigger->job))
			trigger->last_at_ms = now;
		int64_t left = due(trigger) - now;

		if (left <= 0 && !is_busy(trigger))
			break;
		error = fiber_sleep(left > look_ms ? left : look_ms);
	}
	return error;
}

/* One try; *ret = NULL: another daemon has the lock. Parks. */
static enum error try_lock(struct trigger *trigger, struct lock **ret, struct fault *fault)
{
	struct run_world *world = trigger->owner->world;
	struct job *job = trigger->job;
	char holder[LOCK_OPERATION];

	job->starting = true;
	enum error error = lock_take(world->cache, slice_str(job->name), ret, holder, fault);
	job->starting = false;
	fiber_cond_broadcast(&world->jobs->started);
	return error;
}

/* Waits for the end of what this process does with the job. Parks. */
static enum error await_own(const struct trigger *trigger, int64_t deadline)
{
	struct job *job = trigger->job;
	struct jobs *jobs = trigger->owner->world->jobs;
	enum error error = OK;

	while (!error && (job->starting || job->running)) {
		if (!job->running) {
			error = fiber_cond_wait(&jobs->started, "a run to start", deadline);
			continue;
		}
		struct operation *running = operation_ref(job->running);

		error = operation_wait(running, deadline);
		operation_unref(running);
	}
	return error;
}

/* Parks. */
static enum error await_lock(struct trigger *trigger, struct lock **ret, struct fault *fault)
{
	int64_t deadline = clock_deadline(RUN_QUEUE_MS);
	int64_t patience = clock_deadline(redis_patience_ms);
	enum error error = OK;

	*ret = NULL;
	while (!*ret) {
		error = await_own(trigger, deadline);
		if (!error)
			error = try_lock(trigger, ret, fault);
		if (*ret)
			return OK;
		int64_t until = error ? patience : deadline;
		bool retry = !error || error_redis(error) == ERROR_REDIS_NO_ANSWER;

		if (!retry || clock_mono_ms() >= until)
			break;
		error = fiber_sleep(lock_ms);
		if (error)
			break;
	}
	if (!error || error == ERR_TIMEOUT)
		error = fault_set(fault, ERR_TIMEOUT,
			"the run of job \"%s\" did not start: another run did not end",
			trigger->job->name);
	return error == ERR_CANCELLED ? fault_set(fault, error, "the run was cancelled") : error;
}

static enum operation_state trigger_work(
	struct operation *operation, void *context, void **ret_result, struct fault *fault)
{
	struct trigger *trigger = context;
	struct job *job = trigger->job;
	struct lock *lock = NULL;

	operation_progress(operation, OPERATION_PHASE_QUEUED, 0, 0);
	enum error error = await_quiet(trigger);
	if (!error)
		error = pause_check(trigger->owner->pauses, PAUSE_WARMING, fault);
	if (!error)
		error = await_lock(trigger, &lock, fault);
	leave(trigger);
	if (error == ERR_CANCELLED)
		return OPERATION_CANCELLED;
	if (error) {
		log_warning(trigger->owner->world->log, "warm job %s missed its run: %s", job->name,
			fault->detail);
		return OPERATION_FAILED;
	}
	key_watches_reset(&trigger->owner->watches, job);
	if (trigger->quiet_ms) {
		job->triggered_at_ms = clock_mono_ms();
		run_read_all(trigger->run);
	}
	run_lock(trigger->run, lock);
	job->running = operation_ref(operation);
	return run_work(operation, trigger->run, ret_result, fault);
}

static enum error begin(struct triggers *triggers, const struct trigger_ask *ask, struct job *job,
	struct fault *fault)
{
	struct conf *conf = triggers->world->cache->conf;
	const struct conf_job *conf_of = conf_job(conf, ask->job);
	struct trigger *trigger = mem_new(struct trigger);
	struct operation *operation;

	*trigger = (struct trigger){.owner = triggers,
		.job = job,
		.run = run_new(triggers->world, conf, conf_of, job, NULL),
		.first_at_ms = clock_mono_ms()};
	const struct operation_spec spec = {.kind = &run_kind,
		.subject = job->name,
		.by = ask->by,
		.note = ask->note,
		.run = trigger_work,
		.context = trigger,
		.free_context = trigger_free,
		.timeout_ms = 2 * (int64_t)RUN_QUEUE_MS + conf_of->timeout_ms};
	enum error error = operation_begin(triggers->operations, &spec, &operation, fault);

	if (error)
		return error;
	trigger->operation = operation;
	job->waiting = trigger;
	/* Its own fiber has a reference. */
	operation_unref(operation);
	return OK;
}

enum error triggers_fire(struct triggers *triggers, const struct trigger_ask *ask,
	char ret_id[OPERATION_ID_BYTES + 1], struct fault *fault)
{
	struct job *job = jobs_find(triggers->world->jobs, ask->job);

	if (!job || !conf_job(triggers->world->cache->conf, ask->job))
		return fault_set(fault, ERR_UNKNOWN_JOB, "there is no warm job \"%.*s\"",
			(int)(ask->job.n < 200 ? ask->job.n : 200), ask->job.p);
	enum error error = pause_check(triggers->pauses, PAUSE_WARMING, fault);
	if (!error && !job->waiting)
		error = begin(triggers, ask, job, fault);
	if (error)
		return error;
	struct trigger *trigger = job->waiting;

	trigger->last_at_ms = clock_mono_ms();
	if (!ask->at_once)
		trigger->quiet_ms = TRIGGER_QUIET_MS;
	log_debug(triggers->world->log, "warm job %s: %s triggers the operation %s", job->name,
		ask->note, operation_id(trigger->operation));
	if (ret_id)
		snprintf(ret_id, OPERATION_ID_BYTES + 1, "%s", operation_id(trigger->operation));
	return OK;
}

/* A trigger of the configuration: only the log says that it fails. */
static void fire_configured(
	struct triggers *triggers, const struct job *job, const char *note, bool at_once)
{
	const struct trigger_ask ask = {
		.job = slice_str(job->name), .by = "scheduler", .note = note, .at_once = at_once};
	struct fault fault;
	enum error error = job->suspended ? OK : triggers_fire(triggers, &ask, NULL, &fault);

	if (error && error != ERR_STOPPING)
		log_warning(triggers->world->log, "warm job %s missed its run (%s): %s", job->name,
			note, fault.detail);
}

static void key_seen(void *context, const struct key_watch *watch)
{
	fire_configured(context, watch->owner, "on: invalidated", false);
}

static bool comes_after(const struct conf_job *conf, const char *name)
{
	for (size_t i = 0; i < conf->after_count; i++)
		if (slice_is(conf->after[i], name))
			return true;
	return false;
}

void triggers_after(struct triggers *triggers, const struct job *job)
{
	const struct conf *conf = triggers->world->cache->conf;
	struct buf note = {0};

	buf_str(&note, "after: ");
	buf_str(&note, job->name);
	for (size_t i = 0; i < conf->job_count; i++)
		if (comes_after(&conf->jobs[i], job->name))
			fire_configured(triggers,
				jobs_find(triggers->world->jobs, slice_str(conf->jobs[i].name)),
				note.p, true);
	buf_release(&note);
}

void triggers_flushed(struct triggers *triggers)
{
	const struct conf *conf = triggers->world->cache->conf;

	for (size_t i = 0; i < conf->job_count; i++) {
		const struct job *job =
			jobs_find(triggers->world->jobs, slice_str(conf->jobs[i].name));

		if (conf->jobs[i].on_redis_flushed && job->running)
			fire_configured(triggers, job, "on: redis_flushed", true);
	}
}

struct triggers *triggers_new(
	struct run_world *world, struct operations *operations, const struct pauses *pauses)
{
	struct triggers *triggers = mem_new(struct triggers);

	triggers->world = world;
	triggers->operations = operations;
	triggers->pauses = pauses;
	triggers->watches.on_seen = key_seen;
	triggers->watches.context = triggers;
	world->cache->watches = &triggers->watches;
	return triggers;
}

void triggers_configure(struct triggers *triggers, const struct conf *conf)
{
	struct jobs *jobs = triggers->world->jobs;

	key_watches_release(&triggers->watches);
	for (size_t i = 0; i < conf->job_count; i++)
		for (size_t j = 0; j < conf->jobs[i].invalidated_count; j++)
			key_watches_add(&triggers->watches, conf->jobs[i].invalidated[j],
				jobs_find(jobs, slice_str(conf->jobs[i].name)));
}

void triggers_free(struct triggers *triggers)
{
	if (!triggers)
		return;
	triggers->world->cache->watches = NULL;
	key_watches_release(&triggers->watches);
	mem_free(triggers);
}
