/* SPDX-License-Identifier: MIT */
/* The clock of the jobs; see scheduler.h. */
#include "warm/scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "text/quantity.h"
#include "warm/fire.h"
#include "warm/jump.h"

enum { look_ms = 30000, jump_least_ms = 500 };

struct scheduler {
	struct warm *warm;
	struct cache *cache;
	struct log *log;
	struct jobs *jobs;
	struct jump_watch *watch;
	struct fiber_group group;
	struct fiber *clock;
	int64_t last_wall_ms, last_mono_ms;
	bool changed; /* schedules or clock: look again now */
	bool stopped;
};

static void fire(struct scheduler *s, struct fire *fire)
{
	fire->warm = s->warm;
	fire->cache = s->cache;
	fire->log = s->log;
	fire_spawn(&s->group, fire);
}

static void fire_due(struct scheduler *s, struct job *job, int64_t nominal)
{
	struct fire *due = fire_new(job->name, FIRE_SCHEDULE);

	due->receipt_ttl_ms = schedule_receipt_ms(job->schedule, nominal);
	due->nominal_wall_ms = nominal;
	due->deadline = clock_deadline(schedule_patience_ms(job->schedule, nominal));
	if (schedule_has_deadline(job->schedule))
		due->deadline -= s->last_wall_ms - schedule_fire_time(job->schedule, nominal);
	fire(s, due);
}

/* Says so where the next time has changed. */
static void set_next(const struct scheduler *s, struct job *job, int64_t before_wall_ms)
{
	struct buf time = {0};

	job->next_run_wall_ms = schedule_fire_time(job->schedule, job->due.next);
	if (job->next_run_wall_ms == before_wall_ms || !log_debugs(s->log))
		return;
	timestamp_format(job->next_run_wall_ms, &time);
	log_debug(s->log, "warm job %s: next run at %s%s", job->name, time.p,
		job->suspended ? ", but it is suspended" : "");
	buf_release(&time);
}

static void look_at_job(struct scheduler *s, struct job *job, int64_t jump_ms)
{
	int64_t nominal = -1, before_wall_ms = job->next_run_wall_ms;

	job->next_run_wall_ms = -1;
	if (!job->schedule || !job->configured)
		return;
	switch (due_look(&job->due, job->schedule, s->last_wall_ms, jump_ms, &nominal)) {
	case DUE_LATER:
		break;
	case DUE_NOW:
		log_debug(s->log, "warm job %s: due%s", job->name,
			job->suspended ? ", but it is suspended" : "");
		if (!job->suspended)
			fire_due(s, job, nominal);
		break;
	case DUE_MISSED:
		if (!job->suspended)
			log_warning(s->log, "warm job %s missed its run: it was due %lld s ago",
				job->name, (long long)(s->last_wall_ms - nominal) / 1000);
		break;
	}
	if (job->due.next >= 0)
		set_next(s, job, before_wall_ms);
}

/* Looks at all jobs; returns in how many milliseconds to look again. */
static int64_t look(struct scheduler *s)
{
	int64_t wall = clock_wall_ms(), mono = clock_mono_ms();
	int64_t jump = (wall - s->last_wall_ms) - (mono - s->last_mono_ms);
	int64_t least = look_ms;

	if (llabs(jump) < jump_least_ms)
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

static void clock_work(void *argument)
{
	struct scheduler *s = argument;
	enum error error = OK;

	while (error != ERR_CANCELLED) {
		int64_t deadline;

		s->changed = false;
		deadline = clock_deadline(look(s));
		do
			error = fiber_park("the next fire", deadline);
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
	s->watch = jump_watch_new(cache->loop, look_again, s);
	s->clock = fiber_spawn(&s->group, "warm clock", clock_work, s);
	return s;
}

void scheduler_stop(struct scheduler *s)
{
	s->stopped = true;
	fiber_group_cancel(&s->group);
	fiber_group_join(&s->group, DEADLINE_NONE);
}

void scheduler_free(struct scheduler *s)
{
	if (!s)
		return;
	jump_watch_free(s->watch);
	mem_free(s);
}

enum error schedules_load(const struct conf *conf, struct schedules *ret, struct fault *fault)
{
	enum error error = OK;

	*ret = (struct schedules){mem_array(conf->job_count, sizeof *ret->items), conf->job_count};
	for (size_t i = 0; i < conf->job_count && !error; i++)
		error = schedule_new(&conf->jobs[i], &ret->items[i], fault);
	if (error)
		schedules_release(ret);
	return error;
}

void schedules_release(struct schedules *schedules)
{
	for (size_t i = 0; i < schedules->count; i++)
		schedule_free(schedules->items[i]);
	mem_free(schedules->items);
	*schedules = (struct schedules){0};
}

/* An unchanged schedule keeps its place, lest a fire that waits for its jitter be lost. */
static void exchange(struct job *job, struct schedule **fresh, int64_t now_wall_ms)
{
	bool same = schedule_equal(job->schedule, *fresh);

	schedule_free(job->schedule);
	job->schedule = *fresh;
	*fresh = NULL;
	if (job->schedule && !same)
		due_begin(&job->due, job->schedule, now_wall_ms);
}

void scheduler_adopt(struct scheduler *s, const struct conf *conf, struct schedules *schedules)
{
	for (size_t i = 0; i < schedules->count; i++)
		exchange(jobs_find(s->jobs, slice_str(conf->jobs[i].name)), &schedules->items[i],
			s->last_wall_ms);
	schedules_release(schedules);
	look_again(s);
}

void scheduler_fire_on(struct scheduler *s, enum scheduler_event event)
{
	const struct conf *conf = s->cache->conf;

	for (size_t i = 0; i < conf->job_count && !s->stopped; i++) {
		const struct conf_job *job = &conf->jobs[i];
		bool wanted = event == SCHEDULER_STARTUP ? job->on_startup : job->on_redis_flushed;

		if (!wanted || job->suspended)
			continue;
		fire(s, fire_new(job->name,
				event == SCHEDULER_STARTUP ? FIRE_STARTUP : FIRE_FLUSHED));
	}
}
