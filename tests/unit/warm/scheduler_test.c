/* SPDX-License-Identifier: MIT */
/* Jobs that run by themselves, one and two daemons on one real redis-server. */
#include "warm/scheduler.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "world.h"

static struct daemon a, b;
static const struct identity who = {.name = "tester", .scopes = SCOPE_WARM};
static char yaml[4096];

/* A job that stores one key after `seconds`, with these further lines. */
static const char *job_of(const char *name, const char *seconds, const char *more)
{
	static char text[1024];

	snprintf(text, sizeof text,
		"    - {name: %s, source: {type: command, argv: [sh, -c, 'sleep %s; echo "
		"\"{\\\"id\\\":1}\"'], format: jsonl}, key: \"%s:{id}\"%s}\n",
		name, seconds, name, more);
	return text;
}

static double runs(struct daemon *daemon, const char *job)
{
	return metric_value(daemon->metrics, METRIC_WARM_RUNS, job, "completed");
}

static unsigned words(const char *text)
{
	unsigned n = *text != '\0';

	for (; *text; text++)
		n += *text == ' ';
	return n;
}

static void two_daemons(void)
{
	snprintf(yaml, sizeof yaml, "%s", job_of("j", "0", ", schedule: {every: 1s}"));
	daemon_begin(&a, yaml);
	daemon_begin(&b, yaml);
	while (clock_wall_ms() % 1000 > 100)
		fiber_sleep(10);
	fiber_sleep(4500);
	double sum = runs(&a, "j") + runs(&b, "j");
	unsigned receipts = words(redis(&a, "KEYS cw:fire:j:*"));

	/* Some time may have passed before the count began. */
	ck_assert_msg(sum >= 4 && sum <= 6, "%g runs", sum);
	ck_assert_double_eq(sum, receipts);
	ck_assert_msg(!strstr(world_log(), "skipped"), "%s", world_log());
	daemon_end(&a);
	daemon_end(&b);
}

TEST_CALL(each_due_run_happens_once_over_two_daemons, world_run(two_daemons, NULL, NULL))

static void forbid(void)
{
	daemon_begin(&a, job_of("j", "1.5", ", schedule: {every: 1s}"));
	fiber_sleep(3200);
	ck_assert_ptr_nonnull(strstr(world_log(), "still runs"));
	double done = runs(&a, "j");
	ck_assert_msg(done == 1, "%g", done);
	daemon_end(&a);
}

TEST_CALL(a_due_run_is_skipped_while_the_job_runs, world_run(forbid, NULL, NULL))

static void events(void)
{
	snprintf(yaml, sizeof yaml, "%s", job_of("start", "0", ", on: [startup]"));
	strcat(yaml, job_of("flush", "0", ", on: [redis_flushed]"));
	strcat(yaml, job_of("off", "0",
			     ", suspend: true, on: [startup, redis_flushed], "
			     "schedule: {every: 1s}"));
	daemon_begin(&a, yaml);
	fiber_sleep(1200);
	ck_assert_double_eq(runs(&a, "start") + runs(&a, "flush") + runs(&a, "off"), 0);
	warm_startup(a.warm);
	fiber_sleep(500);
	ck_assert_double_eq(runs(&a, "start"), 1);
	ck_assert_double_eq(runs(&a, "flush"), 0);
	event_publish(a.bus, EVENT_REDIS_FLUSHED, NULL);
	fiber_sleep(500);
	ck_assert_double_eq(runs(&a, "start"), 1);
	ck_assert_double_eq(runs(&a, "flush"), 1);
	ck_assert_double_eq(runs(&a, "off"), 0);
	cJSON *json = daemon_jobs(&a);
	ck_assert_str_eq(member(json, "jobs/2/next_run"), "null");
	ck_assert_str_eq(member(json, "jobs/2/suspended"), "true");
	ck_assert_str_eq(member(json, "jobs/2/schedule"), "\"every 1s\"");
	cJSON_Delete(json);
	/* Asked for by name it runs all the same. */
	cJSON_Delete(daemon_warm(&a, "off"));
	ck_assert_double_eq(runs(&a, "off"), 1);
	daemon_end(&a);
}

TEST_CALL(jobs_run_at_startup_and_after_a_flush_unless_suspended, world_run(events, NULL, NULL))

static void redis_away(void)
{
	server_kill(&world.server);
	daemon_begin(&a, job_of("j", "0", ", on: [startup], schedule: {every: 1s}"));
	warm_startup(a.warm);
	fiber_sleep(2200);
	ck_assert_ptr_nonnull(strstr(world_log(), "missed its run"));
	ck_assert_double_eq(runs(&a, "j"), 0);
	server_restart(&world.server, NULL, NULL);
	for (int i = 0; i < 100 && runs(&a, "j") < 1; i++)
		fiber_sleep(100);
	ck_assert_double_ge(runs(&a, "j"), 1);
	daemon_end(&a);
}

TEST_CALL(runs_due_without_redis_wait_and_are_then_missed, world_run(redis_away, NULL, NULL))

static void elsewhere(void)
{
	struct warm_started here, there, again;
	struct fault fault;

	snprintf(yaml, sizeof yaml, "%s", job_of("j", "1", ""));
	daemon_begin(&a, yaml);
	daemon_begin(&b, yaml);
	ck_assert_int_eq(warm_start(a.warm, SLICE("j"), &who, NULL, &here, NULL), OK);
	ck_assert_int_eq(warm_start(b.warm, SLICE("j"), &who, NULL, &there, NULL), OK);
	ck_assert_int_eq(warm_start(a.warm, SLICE("j"), &who, NULL, &again, NULL), OK);
	ck_assert(!here.already_running && there.already_running && again.already_running);
	ck_assert_str_eq(here.operation_id, there.operation_id);
	ck_assert_str_eq(here.operation_id, again.operation_id);
	ck_assert_str_eq(there.job, "j");
	ck_assert_ptr_null(there.operation);
	ck_assert_ptr_eq(here.operation, again.operation);
	ck_assert_uint_eq(warm_running(a.warm), 1);
	ck_assert_int_eq(operation_wait(here.operation, clock_deadline(20000)), OK);
	warm_started_release(&here);
	warm_started_release(&there);
	warm_started_release(&again);
	/* What one has done, the other knows after a look. */
	fiber_sleep(100);
	cJSON_Delete(daemon_jobs(&b));
	fiber_sleep(100);
	cJSON *json = daemon_jobs(&b);
	ck_assert_str_eq(member(json, "jobs/0/last_run/state"), "\"completed\"");
	ck_assert_str_eq(member(json, "jobs/0/last_run/result/stored"), "1");
	ck_assert_str_ne(member(json, "jobs/0/last_success"), "null");
	cJSON_Delete(json);
	ck_assert_int_eq(
		warm_start(a.warm, SLICE("none"), &who, NULL, &here, &fault), ERR_UNKNOWN_JOB);
	ck_assert_ptr_nonnull(strstr(fault.detail, "\"none\""));
	daemon_end(&a);
	daemon_end(&b);
}

TEST_CALL(a_run_of_another_daemon_is_reported, world_run(elsewhere, NULL, NULL))

static void start_beside(void *argument)
{
	ck_assert_int_eq(warm_start(a.warm, SLICE("j"), &who, NULL, argument, NULL), OK);
}

static void at_once(void)
{
	struct warm_started started[5] = {0};
	char id[40];
	unsigned own = 0;

	daemon_begin(&a, job_of("j", "0.3", ""));
	for (int i = 0; i < 5; i++)
		fiber_spawn(&world.group, "start", start_beside, &started[i]);
	fiber_sleep(200);
	cJSON *json = daemon_jobs(&a);
	ck_assert_str_eq(member(json, "jobs/0/last_run/state"), "\"running\"");
	cJSON_Delete(json);
	strcpy(id, started[0].operation_id);
	ck_assert_str_ne(id, "");
	for (int i = 0; i < 5; i++) {
		ck_assert_str_eq(started[i].operation_id, id);
		ck_assert_ptr_eq(started[i].operation, started[0].operation);
		own += !started[i].already_running;
	}
	for (int i = 0; i < 5; i++)
		warm_started_release(&started[i]);
	ck_assert_uint_eq(own, 1);
	daemon_end(&a);
}

TEST_CALL(starts_at_the_same_time_are_one_run, world_run(at_once, NULL, NULL))

static void concurrency(void)
{
	struct warm_started started[3];
	static const char *const names[] = {"one", "two", "three"};

	yaml[0] = '\0';
	for (int i = 0; i < 3; i++)
		strcat(yaml, job_of(names[i], "0.5", ""));
	daemon_begin(&a, yaml);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
			warm_start(a.warm, slice_str(names[i]), &who, NULL, &started[i], NULL), OK);
	fiber_sleep(200);
	ck_assert_int_eq(operation_state(started[0].operation), OPERATION_RUNNING);
	ck_assert_int_eq(operation_state(started[1].operation), OPERATION_RUNNING);
	ck_assert_int_eq(operation_state(started[2].operation), OPERATION_QUEUED);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(operation_wait(started[i].operation, clock_deadline(20000)), OK);
		ck_assert_int_eq(operation_state(started[i].operation), OPERATION_COMPLETED);
		warm_started_release(&started[i]);
	}
	daemon_end(&a);
}

TEST_CALL(concurrent_runs_are_bounded, world_run(concurrency, NULL, NULL))

static void reload(void)
{
	struct fault fault;

	daemon_begin(&a, job_of("j", "0", ""));
	snprintf(yaml, sizeof yaml, "%s", job_of("new", "0", ", schedule: {every: 1s}"));
	ck_assert_int_eq(daemon_reload(&a, yaml, &fault), OK);
	fiber_sleep(1500);
	ck_assert_double_ge(runs(&a, "new"), 1);
	cJSON *json = daemon_jobs(&a);
	ck_assert_str_eq(member(json, "jobs/0/name"), "\"new\"");
	ck_assert_str_eq(member(json, "jobs/1"), "none");
	cJSON_Delete(json);
	ck_assert_int_eq(daemon_reload(&a, job_of("new", "0", ""), &fault), OK);
	fiber_sleep(200);
	double before = runs(&a, "new");
	fiber_sleep(1200);
	ck_assert_double_eq(runs(&a, "new"), before);
	daemon_end(&a);
}

TEST_CALL(a_reload_replaces_jobs_and_schedules, world_run(reload, NULL, NULL))

static void stop_while_running(void)
{
	struct warm_started started;

	daemon_begin(&a, job_of("j", "30", ", schedule: {every: 1s}"));
	ck_assert_int_eq(warm_start(a.warm, SLICE("j"), &who, NULL, &started, NULL), OK);
	fiber_sleep(300);
	warm_started_release(&started);
	int64_t began = unit_now_ms();
	daemon_end(&a);
	ck_assert_soon(began, 4000);
	ck_assert_ptr_nonnull(strstr(world_log(), "cancelled"));
	daemon_begin(&a, job_of("j", "0", ""));
	cJSON_Delete(daemon_warm(&a, "j"));
	daemon_end(&a);
}

TEST_CALL(stopping_ends_runs_and_gives_locks_back, world_run(stop_while_running, NULL, NULL))

TEST_SUITE("warm_scheduler", each_due_run_happens_once_over_two_daemons,
	a_due_run_is_skipped_while_the_job_runs,
	jobs_run_at_startup_and_after_a_flush_unless_suspended,
	runs_due_without_redis_wait_and_are_then_missed, a_run_of_another_daemon_is_reported,
	starts_at_the_same_time_are_one_run, concurrent_runs_are_bounded,
	a_reload_replaces_jobs_and_schedules, stopping_ends_runs_and_gives_locks_back)
