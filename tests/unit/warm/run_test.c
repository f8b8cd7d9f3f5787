/* SPDX-License-Identifier: MIT */
/* Whole runs on a real redis-server: what they store and refuse, and their results. */
#include "warm/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "cache/inval_log.h"
#include "world.h"

static struct daemon d;
static char yaml[8192];

/* `count` rows {"id":n,"v":"x"} in a file, as the source of one job with these further lines. */
static const char *job_of_rows(int count, const char *more)
{
	struct buf rows = {0};

	for (int i = 1; i <= count; i++)
		buf_printf(&rows, "{\"id\":%d,\"v\":\"x\"}\n", i);
	snprintf(yaml, sizeof yaml,
		"    - {name: j, source: {type: file, path: %s, format: jsonl}, "
		"key: \"k:{id}\"%s}",
		world_file("rows", rows.n ? rows.p : ""), more);
	buf_release(&rows);
	return yaml;
}

/* A job whose rows a shell command writes. */
static const char *job_of_shell(const char *script, const char *more)
{
	char path[400];

	snprintf(path, sizeof path, "%s", world_file("script", script));
	snprintf(yaml, sizeof yaml,
		"    - {name: j, source: {type: command, argv: [sh, \"%s\"], format: jsonl}, "
		"key: \"k:{id}\"%s}",
		path, more);
	return yaml;
}

static void is(cJSON *json, const char *path, const char *text)
{
	ck_assert_msg(strcmp(member(json, path), text) == 0, "%s is %s, not %s in %s", path,
		member(json, path), text, cJSON_PrintUnformatted(json));
}

static void redis_says(const char *command, const char *text)
{
	ck_assert_msg(strcmp(redis(&d, command), text) == 0, "%s: %s", command, redis(&d, command));
}

static void stores_all_rows(void)
{
	daemon_begin(&d, job_of_rows(1000, ", ttl: 10m"));
	cJSON *json = daemon_warm(&d, "j");

	is(json, "state", "\"completed\"");
	is(json, "kind", "\"warm\"");
	is(json, "by", "\"tester\"");
	is(json, "result/rows", "1000");
	is(json, "result/stored", "1000");
	is(json, "result/rejected", "0");
	is(json, "result/bytes", "17893");
	is(json, "result/attempts", "1");
	is(json, "result/reasons", "{}");
	cJSON_Delete(json);
	redis_says("GET k:7", "{\"id\":7,\"v\":\"x\"}");
	redis_says("GET k:1000", "{\"id\":1000,\"v\":\"x\"}");
	int ttl = atoi(redis(&d, "TTL k:7"));
	ck_assert(ttl > 590 && ttl <= 600);
	redis_says("EXISTS cw:run:j", "0");
	redis_says("EXISTS cw:job:j", "1");
	ck_assert_uint_eq(d.engine.cache.sets, 1000);
	ck_assert_double_eq(metric_value(d.metrics, METRIC_WARM_RUNS, "j", "completed"), 1);
	ck_assert_double_eq(metric_value(d.metrics, METRIC_WARM_STORED, "j", NULL), 1000);
	json = daemon_jobs(&d);
	is(json, "jobs/0/name", "\"j\"");
	is(json, "jobs/0/schedule", "null");
	is(json, "jobs/0/suspended", "false");
	is(json, "jobs/0/next_run", "null");
	is(json, "jobs/0/last_run/state", "\"completed\"");
	is(json, "jobs/0/last_run/result/stored", "1000");
	ck_assert_str_ne(member(json, "jobs/0/last_success"), "null");
	cJSON_Delete(json);
	daemon_end(&d);
}

TEST_CALL(a_run_stores_all_rows, world_run(stores_all_rows, NULL, NULL))

static void small_windows(void)
{
	for (int window = 1; window <= 9; window++) {
		char more[64];

		snprintf(more, sizeof more, ", window: %d", window);
		daemon_begin(&d, job_of_rows(23, more));
		cJSON *json = daemon_warm(&d, "j");

		is(json, "result/stored", "23");
		cJSON_Delete(json);
		daemon_end(&d);
	}
}

TEST_CALL(every_size_of_window_stores_all_rows, world_run(small_windows, NULL, NULL))

static void bad_rows(void)
{
	daemon_begin(&d, job_of_shell("echo '{\"id\":1}'; echo 'no json'; echo '{\"name\":2}';"
				      "echo '{\"id\":\"\"}'; echo '{\"id\":5}'",
				 ""));
	cJSON *json = daemon_warm(&d, "j");

	is(json, "state", "\"partial\"");
	is(json, "result/rows", "5");
	is(json, "result/stored", "2");
	is(json, "result/rejected", "3");
	is(json, "result/reasons", "{\"source_row\":3}");
	is(json, "result/first_errors/0/row", "2");
	is(json, "result/first_errors/1/row", "3");
	is(json, "result/first_errors/2/row", "4");
	cJSON_Delete(json);
	redis_says("EXISTS k:1 k:5", "2");
	daemon_end(&d);
}

TEST_CALL(bad_rows_make_it_partial, world_run(bad_rows, NULL, NULL))

static void no_rows(void)
{
	const char *name, *why;
	size_t missed;

	daemon_begin(&d, job_of_rows(0, ""));
	cJSON *json = daemon_warm(&d, "j");

	is(json, "state", "\"failed\"");
	is(json, "error/code", "\"warm_failed\"");
	cJSON_Delete(json);
	ck_assert_uint_eq(warm_failing(d.warm, &missed, &name, &why), 1);
	ck_assert_str_eq(name, "j");
	ck_assert_double_eq(metric_value(d.metrics, METRIC_WARM_FAILING_JOBS, NULL, NULL), 1);
	ck_assert_ptr_nonnull(strstr(world_log(), "gave no rows"));
	daemon_end(&d);
	daemon_begin(&d, job_of_rows(0, ", empty: ok"));
	json = daemon_warm(&d, "j");
	is(json, "state", "\"completed\"");
	cJSON_Delete(json);
	ck_assert_uint_eq(warm_failing(d.warm, &missed, &name, &why), 0);
	daemon_end(&d);
}

TEST_CALL(no_rows_is_a_failure_unless_empty_is_ok, world_run(no_rows, NULL, NULL))

static void modes(void)
{
	daemon_begin(&d, job_of_rows(3, ", mode: missing"));
	redis(&d, "SET k:2 old");
	cJSON *json = daemon_warm(&d, "j");

	is(json, "state", "\"completed\"");
	is(json, "result/stored", "2");
	is(json, "result/skipped", "1");
	cJSON_Delete(json);
	redis_says("GET k:2", "old");
	daemon_end(&d);
	daemon_begin(&d, job_of_rows(3, ", mode: refresh"));
	redis(&d, "DEL k:1 k:2 k:3");
	redis(&d, "SET k:2 old");
	json = daemon_warm(&d, "j");
	is(json, "result/stored", "1");
	is(json, "result/skipped", "2");
	cJSON_Delete(json);
	redis_says("GET k:2", "{\"id\":2,\"v\":\"x\"}");
	redis_says("EXISTS k:1", "0");
	redis(&d, "DEL k:2");
	json = daemon_warm(&d, "j");
	is(json, "state", "\"completed\"");
	is(json, "result/skipped", "3");
	cJSON_Delete(json);
	daemon_end(&d);
}

TEST_CALL(modes_are_redis_nx_and_xx, world_run(modes, NULL, NULL))

static void fills_up(void)
{
	daemon_begin(
		&d, job_of_shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); "
				 "echo \"{\\\"id\\\":$i,\\\"v\\\":\\\"0123456789012345678901234567"
				 "890123456789012345678901234567890123456789012345678901234567890"
				 "12345678901234567890\\\"}\"; done",
			    ", timeout: 4s"));
	redis(&d, "CONFIG SET maxmemory 8mb");
	cJSON *json = daemon_warm(&d, "j");

	is(json, "state", "\"partial\"");
	ck_assert_int_gt(atoi(member(json, "result/stored")), 1000);
	ck_assert_int_gt(atoi(member(json, "result/reasons/redis_oom")), 0);
	ck_assert_ptr_nonnull(strstr(member(json, "result/first_errors/0"), "OOM"));
	ck_assert_int_eq(atoi(member(json, "result/rows")),
		atoi(member(json, "result/stored")) + atoi(member(json, "result/rejected")));
	cJSON_Delete(json);
	daemon_end(&d);
}

TEST_CALL(a_full_redis_ends_the_run_cleanly, world_run(fills_up, NULL, NULL))

static void fails_twice(void)
{
	daemon_begin(&d, job_of_shell("echo '{\"id\":1}'; exit 3",
				 ", retries: {attempts: 2, backoff: 100ms}"));
	cJSON *json = daemon_warm(&d, "j");

	is(json, "state", "\"partial\"");
	is(json, "result/attempts", "2");
	is(json, "result/stored", "1");
	is(json, "result/first_errors/0/row", "null");
	cJSON_Delete(json);
	daemon_end(&d);
}

static void retry_succeeds(void)
{
	char script[600];

	snprintf(script, sizeof script,
		"echo '{\"id\":1}'; if [ -e %1$s/tried ]; then echo '{\"id\":2}'; exit 0; fi; "
		"touch %1$s/tried; exit 3",
		world.server.folder);
	daemon_begin(&d, job_of_shell(script, ", retries: {attempts: 3, backoff: 50ms}"));
	cJSON *json = daemon_warm(&d, "j");

	is(json, "state", "\"completed\"");
	is(json, "result/attempts", "2");
	is(json, "result/rows", "2");
	is(json, "result/stored", "2");
	cJSON_Delete(json);
	daemon_end(&d);
}

START_TEST(a_further_attempt_starts_over)
{
	world_run(fails_twice, NULL, NULL);
	world_run(retry_succeeds, NULL, NULL);
}
END_TEST

static void source_down(void)
{
	daemon_begin(&d, job_of_shell("echo oops >&2; exit 3", ""));
	cJSON *json = daemon_warm(&d, "j");

	is(json, "state", "\"failed\"");
	is(json, "error/code", "\"source_failed\"");
	is(json, "result/rows", "0");
	cJSON_Delete(json);
	daemon_end(&d);
}

TEST_CALL(a_source_that_fails_fails_the_run, world_run(source_down, NULL, NULL))

static void slow_source(void)
{
	daemon_begin(&d, job_of_shell("echo '{\"id\":1}'; sleep 0.3; echo '{\"id\":2}'; sleep 60",
				 ", timeout: 1s"));
	int64_t began = unit_now_ms();
	cJSON *json = daemon_warm(&d, "j");

	is(json, "state", "\"partial\"");
	is(json, "result/stored", "2");
	ck_assert_ptr_nonnull(strstr(member(json, "result/first_errors/0/detail"), "timeout"));
	ck_assert_soon(began, 3500);
	cJSON_Delete(json);
	daemon_end(&d);
}

TEST_CALL(the_timeout_bounds_the_run, world_run(slow_source, NULL, NULL))

static void cancelled(void)
{
	static const struct identity who = {.name = "tester", .scopes = SCOPE_WARM};
	struct warm_started started;

	daemon_begin(&d, job_of_rows(3000, ", rate: 1000"));
	ck_assert_int_eq(warm_start(d.warm, SLICE("j"), &who, "why", &started, NULL), OK);
	fiber_sleep(300);
	operation_cancel(started.operation);
	ck_assert_int_eq(operation_wait(started.operation, clock_deadline(20000)), OK);
	cJSON *json = operation_document(started.operation);

	is(json, "state", "\"cancelled\"");
	is(json, "note", "\"why\"");
	int stored = atoi(member(json, "result/stored"));
	ck_assert(stored > 150 && stored < 450);
	cJSON_Delete(json);
	warm_started_release(&started);
	redis_says("EXISTS cw:run:j", "0");
	json = daemon_warm(&d, "j");
	is(json, "state", "\"completed\"");
	cJSON_Delete(json);
	daemon_end(&d);
}

TEST_CALL(cancelling_keeps_what_is_stored_and_gives_the_lock_back, world_run(cancelled, NULL, NULL))

static void trickle(void)
{
	static const struct identity who = {.name = "tester", .scopes = SCOPE_WARM};
	struct warm_started started;

	daemon_begin(
		&d, job_of_shell("echo '{\"id\":1}'; sleep 0.2; echo '{\"id\":2}'; sleep 0.6", ""));
	ck_assert_int_eq(warm_start(d.warm, SLICE("j"), &who, NULL, &started, NULL), OK);
	fiber_sleep(500);
	redis_says("EXISTS k:1", "1");
	ck_assert_int_eq(operation_wait(started.operation, clock_deadline(20000)), OK);
	redis_says("EXISTS k:1 k:2", "2");
	warm_started_release(&started);
	daemon_end(&d);
}

TEST_CALL(rows_of_a_slow_source_are_stored_without_a_full_batch, world_run(trickle, NULL, NULL))

static void with_rate(void)
{
	daemon_begin(&d, job_of_rows(1500, ", rate: 1000"));
	int64_t began = clock_mono_ms();
	cJSON *json = daemon_warm(&d, "j");
	int64_t took = clock_mono_ms() - began;

	is(json, "result/stored", "1500");
	ck_assert_msg(took >= 1390 && took < 20000, "%lld ms", (long long)took);
	cJSON_Delete(json);
	daemon_end(&d);
}

TEST_CALL(the_rate_is_kept, world_run(with_rate, NULL, NULL))

static void invalidate_key(const char *key, const char *pattern)
{
	struct slice keys[] = {slice_str(key)}, patterns[] = {slice_str(pattern)};
	struct inval_entry entry = {.operation_id = "test",
		.keys = keys,
		.key_count = key ? 1 : 0,
		.patterns = patterns,
		.pattern_count = pattern ? 1 : 0};

	ck_assert_int_eq(inval_log_append(&d.engine.cache, &entry, NULL), OK);
}

static void invalidated(void)
{
	static const struct identity who = {.name = "tester", .scopes = SCOPE_WARM};
	struct warm_started started;

	/* The first is stored before, the others after the invalidation. */
	daemon_begin(&d, job_of_shell("echo '{\"id\":1}'; sleep 0.4; for i in 2 3 40 41; do echo "
				      "\"{\\\"id\\\":$i}\"; done; sleep 0.2; echo '{\"id\":42}'",
				 ""));
	invalidate_key("k:3", NULL);
	ck_assert_int_eq(warm_start(d.warm, SLICE("j"), &who, NULL, &started, NULL), OK);
	fiber_sleep(200);
	invalidate_key("k:2", NULL);
	invalidate_key(NULL, "k:4*");
	ck_assert_int_eq(operation_wait(started.operation, clock_deadline(20000)), OK);
	cJSON *json = operation_document(started.operation);

	is(json, "state", "\"completed\"");
	is(json, "result/rows", "6");
	is(json, "result/stored", "2");
	is(json, "result/invalidated_meanwhile", "4");
	cJSON_Delete(json);
	warm_started_release(&started);
	redis_says("EXISTS k:1 k:3", "2");
	redis_says("EXISTS k:2 k:40 k:41 k:42", "0");
	daemon_end(&d);
}

TEST_CALL(what_is_invalidated_during_a_run_does_not_stay, world_run(invalidated, NULL, NULL))

static void many_invalidations(void)
{
	static const struct identity who = {.name = "tester", .scopes = SCOPE_WARM};
	struct warm_started started;
	char key[16];

	daemon_begin(&d, job_of_rows(3000, ", rate: 2000"));
	invalidate_key("other", NULL);
	ck_assert_int_eq(warm_start(d.warm, SLICE("j"), &who, NULL, &started, NULL), OK);
	fiber_sleep(50);
	for (int i = 1; i <= 1200; i++) {
		snprintf(key, sizeof key, "k:%d", 1800 + i);
		invalidate_key(key, NULL);
		if (i % 10 == 0)
			fiber_sleep(1);
	}
	ck_assert_int_eq(operation_wait(started.operation, clock_deadline(20000)), OK);
	cJSON *json = operation_document(started.operation);

	is(json, "state", "\"completed\"");
	is(json, "result/attempts", "1");
	is(json, "result/stored", "1800");
	is(json, "result/invalidated_meanwhile", "1200");
	cJSON_Delete(json);
	warm_started_release(&started);
	redis_says("EXISTS k:1 k:1800 k:1801 k:3000", "2");
	daemon_end(&d);
}

TEST_CALL(invalidations_of_a_long_run_add_up, world_run(many_invalidations, NULL, NULL))

/* Until another row is stored. */
static void wait_for_row(const char *key)
{
	char command[64];

	snprintf(command, sizeof command, "EXISTS %s", key);
	while (strcmp(redis(&d, command), "1") != 0)
		ck_assert_int_eq(fiber_sleep(5), OK);
}

/*
 * Each attempt sends two rows, of which the second one causes the first to be stored, and a third
 * when there is a file with its number.
 */
static const char *job_in_steps(void)
{
	const char *folder = world.server.folder;
	struct buf script = {0};

	buf_printf(&script,
		"cd %s; n=$(($(cat count 2>/dev/null) + 1)); echo $n >count; echo '{\"id\":1}'; "
		"sleep 0.2; echo '{\"id\":2}'; "
		"while [ ! -e go.$n ]; do sleep 0.02; done; echo '{\"id\":3}'",
		folder);
	const char *job = job_of_shell(script.p, "");

	buf_release(&script);
	return job;
}

static void log_lost(void)
{
	static const struct identity who = {.name = "tester", .scopes = SCOPE_WARM};
	struct warm_started started;

	daemon_begin(&d, job_in_steps());
	invalidate_key("other", NULL);
	ck_assert_int_eq(warm_start(d.warm, SLICE("j"), &who, NULL, &started, NULL), OK);
	for (int attempt = 1; attempt <= 2; attempt++) {
		char name[16];

		wait_for_row("k:1");
		redis(&d, "FLUSHALL");
		invalidate_key("other", NULL);
		snprintf(name, sizeof name, "go.%d", attempt);
		world_file(name, "");
	}
	world_file("go.3", "");
	ck_assert_int_eq(operation_wait(started.operation, clock_deadline(20000)), OK);
	cJSON *json = operation_document(started.operation);

	/* Once it starts over; the second time it gives up. */
	is(json, "state", "\"partial\"");
	is(json, "result/attempts", "2");
	ck_assert_ptr_nonnull(strstr(member(json, "result/first_errors/0"), "trimmed or emptied"));
	ck_assert_str_ne(member(json, "result/invalidated_meanwhile"), "0");
	cJSON_Delete(json);
	warm_started_release(&started);
	redis_says("EXISTS k:1 k:2 k:3", "0");
	json = daemon_warm(&d, "j");
	is(json, "state", "\"completed\"");
	is(json, "result/attempts", "1");
	cJSON_Delete(json);
	daemon_end(&d);
}

static void flushed(void)
{
	static const struct identity who = {.name = "tester", .scopes = SCOPE_WARM};
	struct warm_started started;

	daemon_begin(&d, job_of_rows(600, ", rate: 600"));
	invalidate_key("other", NULL);
	ck_assert_int_eq(warm_start(d.warm, SLICE("j"), &who, NULL, &started, NULL), OK);
	wait_for_row("k:1");
	redis(&d, "FLUSHALL");
	ck_assert_int_eq(operation_wait(started.operation, clock_deadline(20000)), OK);
	cJSON *json = operation_document(started.operation);

	is(json, "state", "\"completed\"");
	is(json, "result/attempts", "2");
	is(json, "result/stored", "600");
	cJSON_Delete(json);
	warm_started_release(&started);
	redis_says("EXISTS k:1 k:600", "2");
	daemon_end(&d);
}

START_TEST(a_run_that_loses_the_log_starts_over_once)
{
	world_run(log_lost, NULL, NULL);
	world_run(flushed, NULL, NULL);
}
END_TEST

static void lock_taken(void)
{
	static const struct identity who = {.name = "tester", .scopes = SCOPE_WARM};
	struct warm_started started;

	daemon_begin(&d, job_of_rows(5000, ", rate: 1000"));
	ck_assert_int_eq(warm_start(d.warm, SLICE("j"), &who, NULL, &started, NULL), OK);
	fiber_sleep(100);
	redis(&d, "SET cw:run:j another");
	ck_assert_int_eq(operation_wait(started.operation, clock_deadline(10000)), OK);
	cJSON *json = operation_document(started.operation);

	is(json, "state", "\"partial\"");
	ck_assert_ptr_nonnull(strstr(member(json, "result/first_errors/0"), "taken over"));
	cJSON_Delete(json);
	warm_started_release(&started);
	redis_says("GET cw:run:j", "another");
	daemon_end(&d);
}

TEST_CALL(a_run_that_loses_its_lock_ends, world_run(lock_taken, NULL, NULL))

static void redis_dies(void)
{
	static const struct identity who = {.name = "tester", .scopes = SCOPE_WARM};
	struct warm_started started;

	daemon_begin(&d, job_of_rows(5000, ", rate: 1000"));
	ck_assert_int_eq(warm_start(d.warm, SLICE("j"), &who, NULL, &started, NULL), OK);
	fiber_sleep(300);
	server_kill(&world.server);
	ck_assert_int_eq(operation_wait(started.operation, clock_deadline(20000)), OK);
	cJSON *json = operation_document(started.operation);

	is(json, "state", "\"partial\"");
	int stored = atoi(member(json, "result/stored"));
	ck_assert(stored > 150 && stored < 450);
	ck_assert_int_eq(
		atoi(member(json, "result/rows")), stored + atoi(member(json, "result/rejected")));
	cJSON_Delete(json);
	warm_started_release(&started);
	server_restart(&world.server, NULL, NULL);
	for (int i = 0; i < 100 && store_state(d.store).status != REDIS_UP; i++)
		fiber_sleep(50);
	json = daemon_jobs(&d);
	is(json, "jobs/0/last_run/state", "\"partial\"");
	cJSON_Delete(json);
	daemon_end(&d);
}

TEST_CALL(a_dying_redis_ends_the_run_with_correct_counts, world_run(redis_dies, NULL, NULL))

static void protected_keys(void)
{
	daemon_begin(&d, "    - {name: j, source: {type: command, argv: [printf, "
			 "'{\"id\":\"cw:op:1\"}\\n{\"id\":\"lock:x\"}\\n{\"id\":\"fine\"}\\n'], "
			 "format: jsonl}, key: \"{id}\", value: \"v\"}");
	cJSON *json = daemon_warm(&d, "j");

	is(json, "state", "\"partial\"");
	is(json, "result/reasons", "{\"key_reserved\":1,\"key_protected\":1}");
	cJSON_Delete(json);
	redis_says("GET fine", "v");
	redis_says("EXISTS lock:x", "0");
	daemon_end(&d);
}

TEST_CALL(reserved_and_protected_keys_are_refused, world_run(protected_keys, NULL, NULL))

TEST_SUITE("warm_run", invalidations_of_a_long_run_add_up, a_run_stores_all_rows,
	every_size_of_window_stores_all_rows, bad_rows_make_it_partial,
	no_rows_is_a_failure_unless_empty_is_ok, modes_are_redis_nx_and_xx,
	a_full_redis_ends_the_run_cleanly, a_further_attempt_starts_over,
	a_source_that_fails_fails_the_run, the_timeout_bounds_the_run,
	cancelling_keeps_what_is_stored_and_gives_the_lock_back,
	rows_of_a_slow_source_are_stored_without_a_full_batch, the_rate_is_kept,
	what_is_invalidated_during_a_run_does_not_stay, a_run_that_loses_the_log_starts_over_once,
	a_run_that_loses_its_lock_ends, a_dying_redis_ends_the_run_with_correct_counts,
	reserved_and_protected_keys_are_refused)
