/* SPDX-License-Identifier: MIT */
/* The warm clock and the fibers that start runs; see scheduler.h. */
#include "warm/scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "warm/clock_watch.h"
#include "warm/lock.h"

enum {
	look_ms = 30000,
	min_clock_change_ms = 500,
	start_ms = 60000,
	retry_ms = 250,
	first_retry_ms = 50,
};

struct scheduler {
	struct warm *warm;
	struct cache *cache;
	struct log *log;
	struct jobs *jobs;
	struct clock_watch *watch;
	struct fiber_group group;
	struct fiber *clock;
	int64_t last_wall_ms, last_mono_ms;
	bool changed; /* schedules or clock: look again now */
	bool stopped;
};

/* One run to be started. */
struct scheduled_run {
	struct scheduler *scheduler;
	char *job;
	const char *note; /* NULL = started by its schedule */
	int64_t deadline; /* monotonic; a run that has not started by then is missed */
	/* Of a schedule: */
	int64_t nominal_wall_ms, receipt_ms;
};

/* Redis refuses or is away, in a way that may pass; a denied command (NOPERM) stays denied. */
static bool worth_retry(const struct scheduled_run *run, enum error error, int64_t pause_ms)
{
	return error_redis(error) && error != ERR_REDIS_NOPERM &&
	       clock_mono_ms() + pause_ms <= run->deadline;
}

/* *ret_won: this daemon, not another, is to start the run. Parks. */
static enum error take_receipt(const struct scheduled_run *run, bool *ret_won, struct fault *fault)
{
	struct lock_receipt receipt = {
		.job = slice_str(run->job),
		.nominal_wall_ms = run->nominal_wall_ms,
		.ttl_ms = run->receipt_ms,
	};
	int64_t pause_ms = first_retry_ms;
	enum error error;

	*ret_won = true;
	if (run->note)
		return OK;
	owner_token_new(receipt.token);
	while ((error = lock_receipt_take(run->scheduler->cache, &receipt, ret_won, fault))) {
		if (!worth_retry(run, error, pause_ms))
			return error;
		if (fiber_sleep(pause_ms))
			return ERR_CANCELLED;
		pause_ms = retry_ms;
	}
	return OK;
}

/* Parks. */
static enum error start(
	const struct scheduled_run *run, struct warm_started *started, struct fault *fault)
{
	static const struct identity by = {.name = "scheduler", .scopes = SCOPE_WARM};
	enum error error;

	while ((error = warm_start(run->scheduler->warm, slice_str(run->job), &by, run->note,
			started, fault))) {
		if (!worth_retry(run, error, retry_ms))
			return error;
		if (fiber_sleep(retry_ms))
			return ERR_CANCELLED;
	}
	return OK;
}

static void miss(struct scheduler *s, struct job *job, int64_t due_wall_ms, struct fault *why)
{
	log_warning(s->log, "warm job %s missed its run: %s", job->name, why->detail);
	job_missed(s->jobs, job, due_wall_ms, why);
}

static void run_fiber(void *argument)
{
	struct scheduled_run *run = argument;
	struct log *log = run->scheduler->log;
	struct warm_started started;
	struct fault fault = {0};
	bool won;
	enum error error = take_receipt(run, &won, &fault);

	if (!error && !won) {
		log_debug(log, "warm job %s: another daemon runs it", run->job);
		goto out;
	}
	if (!error)
		error = start(run, &started, &fault);
	if (!error) {
		if (started.already_running)
			log_info(log, "warm job %s is due, but still runs (%s): skipped", run->job,
				started.operation_id);
		warm_started_release(&started);
	} else if (error != ERR_CANCELLED && error != ERR_STOPPING) {
		miss(run->scheduler, jobs_find(run->scheduler->jobs, slice_str(run->job)),
			run->note ? -1 : run->nominal_wall_ms, &fault);
	}
out:
	mem_free(run->job);
	mem_free(run);
}

/* Takes a copy of `run`; fills in what is not of the schedule. */
static void spawn(struct scheduler *s, const char *job, struct scheduled_run run)
{
	struct scheduled_run *copy = mem_new(struct scheduled_run);

	*copy = run;
	copy->scheduler = s;
	copy->job = mem_strdup(job);
	fiber_spawn(&s->group, "scheduled run", run_fiber, copy);
}

static void start_due(struct scheduler *s, const struct job *job, int64_t nominal)
{
	struct scheduled_run run = {.nominal_wall_ms = nominal,
		.receipt_ms = schedule_receipt_ms(job->schedule, nominal),
		.deadline = clock_deadline(schedule_patience_ms(job->schedule, nominal))};

	if (schedule_has_deadline(job->schedule))
		run.deadline -= s->last_wall_ms - schedule_start_time(job->schedule, nominal);
	spawn(s, job->name, run);
}

static const char *but_suspended(const struct job *job)
{
	return job->suspended ? ", but it is suspended" : "";
}

/* Logs the time of the next run if it has changed. */
static void set_next(const struct scheduler *s, struct job *job, int64_t before_wall_ms)
{
	struct buf time = {0};

	job->next_run_wall_ms = schedule_start_time(job->schedule, job->next_nominal_wall_ms);
	if (job->next_run_wall_ms == before_wall_ms || !log_debugs(s->log))
		return;
	timestamp_format(job->next_run_wall_ms, &time);
	log_debug(s->log, "warm job %s: next run at %s%s", job->name, time.p, but_suspended(job));
	buf_release(&time);
}

static void look_at_job(struct scheduler *s, struct job *job, int64_t jump_ms)
{
	int64_t nominal = -1, before_wall_ms = job->next_run_wall_ms;
	struct fault late;

	job->next_run_wall_ms = -1;
	if (!job->schedule || !job->configured)
		return;
	switch (schedule_look(
		job->schedule, &job->next_nominal_wall_ms, s->last_wall_ms, jump_ms, &nominal)) {
	case SCHEDULE_LATER:
		break;
	case SCHEDULE_DUE:
		log_debug(s->log, "warm job %s: due%s", job->name, but_suspended(job));
		if (!job->suspended)
			start_due(s, job, nominal);
		break;
	case SCHEDULE_MISSED:
		if (job->suspended)
			break;
		fault_set(&late, ERR_TIMEOUT, "it was due %lld s ago",
			(long long)(s->last_wall_ms - nominal) / 1000);
		miss(s, job, nominal, &late);
		break;
	}
	if (job->next_nominal_wall_ms >= 0)
		set_next(s, job, before_wall_ms);
}

/* Looks at all jobs; returns in how many milliseconds to look again. */
static int64_t look(struct scheduler *s)
{
	int64_t wall = clock_wall_ms(), mono = clock_mono_ms();
	int64_t jump = (wall - s->last_wall_ms) - (mono - s->last_mono_ms);
	int64_t least = look_ms;

	if (llabs(jump) < min_clock_change_ms)
		jump = 0;
	else
		log_warning(s->log, "the clock was set by %+lld ms", (long long)jump);
	s->last_wall_ms = wall;
	s->last_mono_ms = mono;
	for (size_t i = 0; i < s->jobs->count; i++) {
		struct job *job = s->jobs->items[i];

		look_at_job(s, job, jump);
		if (job->next_run_wall_ms >= 0 && job->next_run_wall_ms - wall < least)
			least = job->next_run_wall_ms - wall;
	}
	return least > 0 ? least : 0;
}

static void clock_fiber(void *argument)
{
	struct scheduler *s = argument;
	enum error error = OK;

	while (error != ERR_CANCELLED) {
		int64_t deadline;

		s->changed = false;
		deadline = clock_deadline(look(s));
		do
			error = fiber_park("the next scheduled run", deadline);
		while (!error && !s->changed);
	}
	s->clock = NULL;
}

static void look_again(void *context)
{
	struct scheduler *s = context;

	s->changed = true;
	if (s->clock)
		fiber_wake(s->clock);
}

struct scheduler *scheduler_new(
	struct warm *warm, struct cache *cache, struct log *log, struct jobs *jobs)
{
	struct scheduler *s = mem_new(struct scheduler);

	s->warm = warm;
	s->cache = cache;
	s->log = log;
	s->jobs = jobs;
	s->last_wall_ms = clock_wall_ms();
	s->last_mono_ms = clock_mono_ms();
	fiber_group_init(&s->group, "schedules", cache->loop);
	s->watch = clock_watch_new(cache->loop, look_again, s);
	s->clock = fiber_spawn(&s->group, "warm clock", clock_fiber, s);
	return s;
}

void scheduler_stop(struct scheduler *s)
{
	s->stopped = true;
	fiber_group_stop(&s->group);
}

void scheduler_free(struct scheduler *s)
{
	if (!s)
		return;
	clock_watch_free(s->watch);
	mem_free(s);
}

/* An unchanged schedule keeps its next time, or a run that waits for its jitter would be lost. */
static void exchange(struct job *job, struct schedule **fresh, int64_t now_wall_ms)
{
	bool same = schedule_equal(job->schedule, *fresh);

	schedule_free(job->schedule);
	job->schedule = *fresh;
	*fresh = NULL;
	if (job->schedule && !same)
		job->next_nominal_wall_ms = schedule_next(job->schedule, now_wall_ms);
}

void scheduler_adopt(struct scheduler *s, const struct conf *conf, struct schedules *schedules)
{
	for (size_t i = 0; i < schedules->count; i++)
		exchange(jobs_find(s->jobs, slice_str(conf->jobs[i].name)), &schedules->items[i],
			s->last_wall_ms);
	schedules_release(schedules);
	look_again(s);
}

void scheduler_run_on(struct scheduler *s, enum scheduler_event event)
{
	const struct conf *conf = s->cache->conf;
	const bool startup = event == SCHEDULER_STARTUP;

	for (size_t i = 0; i < conf->job_count && !s->stopped; i++) {
		const struct conf_job *job = &conf->jobs[i];

		if (job->suspended || !(startup ? job->on_startup : job->on_redis_flushed))
			continue;
		/* triggers_flushed() */
		if (!startup && jobs_find(s->jobs, slice_str(job->name))->running)
			continue;
		spawn(s, job->name,
			(struct scheduled_run){.deadline = clock_deadline(start_ms),
				.note = startup ? "on: startup" : "on: redis_flushed"});
	}
}
