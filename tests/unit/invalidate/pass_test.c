/* SPDX-License-Identifier: MIT */
/* Passes under trouble: writers, cut connections, old servers, many patterns, bounded callers. */
#include "invalidate/pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cache/config.h"
#include "../cache/engine.h"
#include "../unit.h"
#include "cache/scan.h"

static const char yaml[] = "invalidate: {max_keys: 500000, pace: {max_latency: 0ms}}\n";

static struct invalidation *ask_as(const struct identity *who, const char *pattern)
{
	struct invalidation *asked = invalidation_new(engine.cache.conf, who);

	invalidation_add_pattern(asked, slice_str(pattern));
	asked->max_keys = 400000;
	return asked;
}

static struct invalidation *ask(const char *pattern)
{
	return ask_as(&config_admin, pattern);
}

static void expect(struct operation *operation, int64_t matched, int64_t removed)
{
	ck_assert_str_eq(operation_state_name(operation_state(operation)), "completed");
	ck_assert_int_eq(!*engine_reason(operation), 1);
	ck_assert_int_eq(engine_result(operation)->matched, matched);
	ck_assert_int_eq((int64_t)engine_result(operation)->invalidated, removed);
	operation_unref(operation);
}

static bool writing;

/* Adds and removes keys of its own, and adds some that match. */
static void write_meanwhile(void *argument)
{
	int *added = argument;

	while (writing) {
		engine_fill("w:%d", *added, 50);
		engine_fill("temp:%d", *added, 50);
		engine_call("DEL", "temp:1", NULL, NULL);
		engine_fill("a:late:%d", *added, 5);
		*added += 50;
	}
}

static void writer_loses_nothing(void)
{
	struct fiber_group group;
	char key[32];
	int added = 0;

	engine_fill("a:%d", 0, 100000);
	fiber_group_init(&group, "test", engine.cache.loop);
	writing = true;
	fiber_spawn(&group, "writer", write_meanwhile, &added);
	struct operation *operation = engine_invalidate(ask("a:*"));
	writing = false;
	fiber_group_join(&group, DEADLINE_NONE);
	ck_assert_int_eq(!*engine_reason(operation), 1);
	ck_assert_uint_ge(engine_result(operation)->invalidated, 100000);
	operation_unref(operation);
	ck_assert_int_gt(added, 50);
	for (int i = 0; i < added; i++) {
		snprintf(key, sizeof key, "w:%d", i);
		ck_assert_int_eq(engine_call("EXISTS", key, NULL, NULL), 1);
	}
	for (int i = 0; i < 100000; i += 997) {
		snprintf(key, sizeof key, "a:%d", i);
		ck_assert_int_eq(engine_call("EXISTS", key, NULL, NULL), 0);
	}
}

TEST_CALL(a_concurrent_writer_loses_nothing, engine_run(yaml, writer_loses_nothing))

static void kill_meanwhile(void *argument)
{
	(void)argument;
	while (engine.cache.invalidated_keys == 0)
		fiber_yield();
	engine_call("CLIENT", "KILL", "TYPE", "normal");
}

static void connection_is_cut(void)
{
	struct fiber_group group;

	engine_fill("a:%d", 0, 100000);
	engine_fill("b:%d", 0, 1000);
	fiber_group_init(&group, "test", engine.cache.loop);
	fiber_spawn(&group, "kill", kill_meanwhile, NULL);
	struct operation *operation = engine_invalidate(ask("a:*"));
	fiber_group_join(&group, DEADLINE_NONE);
	ck_assert_int_eq(!*engine_reason(operation), 1);
	ck_assert_uint_eq(engine_result(operation)->passes, 2);
	/* What was removed without an answer is not claimed. */
	ck_assert_uint_gt(engine_result(operation)->invalidated, 90000);
	ck_assert_uint_le(engine_result(operation)->invalidated, 100000);
	operation_unref(operation);
	expect(engine_invalidate(ask("a:*")), 0, 0);
	/* The table shrinks meanwhile, and SCAN may then give a name twice. */
	operation = engine_invalidate(ask("b:*"));
	ck_assert_int_eq(!*engine_reason(operation), 1);
	ck_assert_int_ge(engine_result(operation)->matched, 1000);
	ck_assert_uint_eq(engine_result(operation)->invalidated, 1000);
	operation_unref(operation);
}

TEST_CALL(a_cut_connection_costs_a_second_walk, engine_run(yaml, connection_is_cut))

static void many_patterns(void)
{
	struct invalidation *asked = ask("none:*");
	char pattern[32];

	for (int i = 0; i < 100; i++) {
		snprintf(pattern, sizeof pattern, "*k%02d:?", i);
		invalidation_add_pattern(asked, slice_str(pattern));
	}
	for (int i = 0; i < 100; i++) {
		snprintf(pattern, sizeof pattern, "k%02d:x", i);
		engine_call("SET", pattern, "v", NULL);
	}
	struct operation *operation = engine_invalidate(asked);
	ck_assert_uint_eq(engine_result(operation)->passes, 2);
	expect(operation, 100, 100);
}

TEST_CALL(more_patterns_than_a_pass_takes_need_another, engine_run(yaml, many_patterns))

static void expect_selector(const struct operation *operation, int i, int64_t m, int64_t n)
{
	const struct plan_selector *selector = &engine_result(operation)->selectors[i];

	ck_assert_int_eq((int64_t)selector->matched, m);
	ck_assert_int_eq((int64_t)selector->invalidated, n);
}

static void overlapping_selectors(void)
{
	struct invalidation *asked = ask("a:*");

	engine_fill("a:%d", 0, 100);
	engine_fill("b:%d", 0, 50);
	invalidation_add_pattern(asked, SLICE("?:1*"));
	invalidation_add_pattern(asked, SLICE("b:*"));
	invalidation_add_pattern(asked, SLICE("c:*"));
	invalidation_add_key(asked, SLICE("a:1"));
	struct operation *operation = engine_invalidate(asked);
	expect_selector(operation, 0, 1, 1);
	/* What went by its name is not seen by the pass. */
	expect_selector(operation, 1, 99, 99);
	expect_selector(operation, 2, 21, 21);
	expect_selector(operation, 3, 50, 50);
	expect_selector(operation, 4, 0, 0);
	expect(operation, 150, 150);
}

TEST_CALL(a_key_counts_for_each_pattern_that_matches_it, engine_run(yaml, overlapping_selectors))

static void old_server(void)
{
	struct invalidation *asked = ask("a:*");

	engine_fill("a:%d", 0, 2000);
	engine_fill("b:%d", 0, 2);
	invalidation_add_key(asked, SLICE("b:0"));
	expect(engine_invalidate(asked), 2001, 2001);
	expect(engine_invalidate(ask("b:*")), 1, 1);
}

START_TEST(without_unlink_keys_are_removed_by_del)
{
	char path[] = "/tmp/cw-redis-XXXXXX";
	int fd = mkstemp(path);
	static const char text[] = "rename-command UNLINK \"\"\n";

	ck_assert_int_eq(write(fd, text, sizeof text - 1), sizeof text - 1);
	close(fd);
	engine_run_with("--include", path, yaml, old_server);
	unlink(path);
}
END_TEST

static const char mixed_yaml[] = "invalidate: {pace: {max_latency: 0ms}}\n"
				 "cache: {namespaces: [{prefix: \"m:a\", ttl: 1h, stale_for: 1m}, "
				 "{prefix: \"m:c\", ttl: 1h, stale_for: 2m}]}\n";

/* Names of three kinds in each page: two that are softened and one that is deleted. */
static void mixed_namespaces(void)
{
	struct invalidation *asked = ask("m:*");

	engine_fill("m:a%d", 0, 300);
	engine_fill("m:b%d", 0, 300);
	engine_fill("m:c%d", 0, 300);
	asked->soft = true;
	struct operation *operation = engine_invalidate(asked);
	ck_assert_uint_eq(engine_result(operation)->softened, 600);
	expect(operation, 900, 300);
	for (int i = 0; i < 300; i++) {
		char a[24], b[24], c[24];

		snprintf(a, sizeof a, "m:a%d", i);
		snprintf(b, sizeof b, "m:b%d", i);
		snprintf(c, sizeof c, "m:c%d", i);
		int64_t left = engine_call("PTTL", a, NULL, NULL);
		ck_assert(left > 0 && left <= 60000);
		ck_assert_int_eq(engine_call("EXISTS", b, NULL, NULL), 0);
		left = engine_call("PTTL", c, NULL, NULL);
		ck_assert(left > 60000 && left <= 120000);
	}
}

TEST_CALL(a_soft_pass_over_mixed_namespaces_deletes_only_what_has_no_stale_time,
	engine_run(mixed_yaml, mixed_namespaces))

static const struct slice prefixes[] = {{"shop:", 5}};
static const struct identity bounded = {.name = "shop",
	.scopes = SCOPE_INVALIDATE,
	.key_prefixes = prefixes,
	.key_prefix_count = 1};

static void bounded_caller(void)
{
	struct invalidation *asked = ask_as(&bounded, "shop:*");

	engine_fill("shop:%d", 0, 10);
	engine_fill("shop:queues:%d", 0, 10);
	asked->verify = true;
	struct operation *operation = engine_invalidate(asked);
	ck_assert_uint_eq(engine_result(operation)->passes, 2);
	ck_assert_uint_eq(engine_result(operation)->protected_skipped, 10);
	expect(operation, 10, 10);
}

TEST_CALL(protected_keys_are_skipped_and_counted, engine_run(yaml, bounded_caller))

static void costly_patterns(void)
{
	engine_fill(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%d",
		0, 1000);
	int64_t began = unit_cpu_us();
	expect(engine_invalidate(ask("a*a*a*a*a*a*a*a*a*a*a*a*a*a*b")), 0, 0);
	/* A matcher that tries every way would take hours. */
	ck_assert_int_lt(unit_cpu_us() - began, 10000000);
	expect(engine_invalidate(ask("a*a*a*a*a*a*a*7")), 100, 100);
}

TEST_CALL(expensive_patterns_are_matched_in_the_daemon, engine_run(yaml, costly_patterns))

static void names_of_any_bytes(void)
{
	struct redis_batch *batch = redis_batch_new();

	engine_call("PING", NULL, NULL, NULL);
	REDIS_ADD(batch, SLICE("SET"), SLICE("bin\0\xff\r\n1"), SLICE("v"));
	REDIS_ADD(batch, SLICE("SET"), SLICE("bin\0\xff\r\n2"), SLICE("v"));
	ck_assert_int_eq(redis_node_run(store_node(engine.cache.store, SLICE("")), REDIS_COMMANDS,
				 batch, clock_deadline(20000), NULL),
		OK);
	redis_batch_free(batch);
	struct operation *operation = engine_invalidate(ask("bin*"));
	operation_ref(operation);
	expect(operation, 2, 2);
	/* Its record can be read again, NUL or not. */
	struct operation_view view;
	struct fault fault;
	ck_assert_int_eq(operations_find(engine.operations, slice_str(operation_id(operation)),
				 &view, &fault),
		OK);
	operation_view_release(&view);
	operation_unref(operation);
}

static void hundreds_of_selectors(void)
{
	struct invalidation *asked = ask("a:*");
	struct operation_view view;
	struct fault fault;
	char key[32];

	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof key, "b:%d", i);
		invalidation_add_key(asked, slice_str(key));
	}
	struct operation *operation = engine_invalidate(asked);
	ck_assert_int_eq((int)engine_result(operation)->selector_count, 301);
	ck_assert_int_eq(operations_find(engine.operations, slice_str(operation_id(operation)),
				 &view, &fault),
		OK);
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(view.result, "selectors")), 100);
	ck_assert_int_eq(cJSON_GetObjectItem(view.result, "selectors_omitted")->valueint, 201);
	operation_view_release(&view);
	operation_unref(operation);
}

TEST_CALL(a_long_record_is_cut, engine_run(yaml, hundreds_of_selectors))

TEST_CALL(names_may_have_any_bytes, engine_run(yaml, names_of_any_bytes))

enum { crowd = 60 };

/* Dry runs, holding and removing ones, confirmed or not, cancelled at any moment. */
static void crowd_with_cancels(void)
{
	static const char *const patterns[] = {"a:*", "*:1*", "b:?", "a:*9", "[ab]:5*"};
	struct operation *operations[crowd];
	struct fault fault = {0};

	srand(11);
	engine_fill("a:%d", 0, 50000);
	engine_fill("b:%d", 0, 50000);
	for (int i = 0; i < crowd; i++) {
		struct invalidation *asked = ask(patterns[rand() % 5]);

		asked->dry_run = rand() % 3 == 0;
		asked->max_keys = rand() % 2 ? -1 : 1 + rand() % 5000;
		asked->verify = rand() % 4 == 0;
		asked->max_latency_ms = rand() % 2;
		ck_assert_int_eq(
			invalidator_begin(engine.invalidator, asked, &operations[i], &fault), OK);
		if (rand() % 3 == 0)
			operation_cancel(operations[rand() % (i + 1)]);
		if (rand() % 4 == 0)
			fiber_sleep(rand() % 8);
		if (i % 20 == 10)
			engine_call("CLIENT", "KILL", "TYPE", "normal");
	}
	for (int i = 0; i < crowd; i++) {
		if (rand() % 4 == 0)
			operation_cancel(operations[i]);
		ck_assert_int_eq(operation_wait(operations[i], clock_deadline(30000)), OK);
		engine_result(operations[i]);
		operation_unref(operations[i]);
	}
	ck_assert_uint_eq(operations_active(engine.operations, "invalidate"), 0);
}

TEST_CALL(cancelled_requests_leave_no_pass_behind, engine_run(yaml, crowd_with_cancels))

START_TEST(progress_follows_from_the_cursor)
{
	ck_assert_double_eq(scan_progress(SLICE("0")), 0);
	ck_assert_double_eq(scan_progress(SLICE("1")), 0.5);
	ck_assert_double_eq(scan_progress(SLICE("2")), 0.25);
	ck_assert_double_eq(scan_progress(SLICE("3")), 0.75);
	ck_assert_double_eq(scan_progress(SLICE("x")), 0);
}
END_TEST

TEST_SUITE("pass", a_soft_pass_over_mixed_namespaces_deletes_only_what_has_no_stale_time,
	a_concurrent_writer_loses_nothing, a_cut_connection_costs_a_second_walk,
	more_patterns_than_a_pass_takes_need_another, a_key_counts_for_each_pattern_that_matches_it,
	without_unlink_keys_are_removed_by_del, protected_keys_are_skipped_and_counted,
	expensive_patterns_are_matched_in_the_daemon, names_may_have_any_bytes,
	a_long_record_is_cut, cancelled_requests_leave_no_pass_behind,
	progress_follows_from_the_cursor)
