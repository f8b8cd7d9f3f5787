/* SPDX-License-Identifier: MIT */
/* Invalidations on a real redis-server. */
#include "invalidate/invalidator.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cache/config.h"
#include "../cache/engine.h"
#include "../unit.h"
#include "base/mem.h"
#include "cache/inval_log.h"
#include "invalidate/pass.h"
#include "text/json.h"

static const char yaml[] =
	"entities:\n"
	"  user: {field: user_id, keys: {a: \"user:a:{id}\", b: \"user:b:{id}\"}}\n"
	"  list: {field: list_id, keys: {}, patterns: [\"list:{id}:*\", \"*:of:{id}\"]}\n"
	"dependencies:\n"
	"  - {when: \"user:a:{id}\", invalidate: [\"menu:{id}\"]}\n"
	"  - {when: \"grow:{id}\", invalidate: [\"grow:{id}x\"]}\n"
	"invalidate: {confirm_above: 1000, max_keys: 500000, pace: {max_latency: 0ms}, queue: "
	"80}\n";

static struct invalidation *ask(const char *pattern)
{
	struct invalidation *asked = invalidation_new(engine.cache.conf, &config_admin);

	if (pattern)
		invalidation_add_pattern(asked, slice_str(pattern));
	return asked;
}

static void expect(
	struct operation *operation, enum operation_state state, int64_t matched, int64_t removed)
{
	ck_assert_str_eq(
		operation_state_name(operation_state(operation)), operation_state_name(state));
	ck_assert_int_eq(engine_result(operation)->matched, matched);
	ck_assert_int_eq((int64_t)engine_result(operation)->invalidated, removed);
	operation_unref(operation);
}

static void keys_and_rules(void)
{
	struct invalidation *asked = ask(NULL);

	engine_fill("user:a:%d", 1, 3);
	engine_fill("user:b:%d", 1, 3);
	engine_fill("menu:%d", 1, 3);
	invalidation_add_id(asked, conf_entity(engine.cache.conf, SLICE("user")), SLICE("1"));
	invalidation_add_key(asked, SLICE("user:b:2"));
	invalidation_add_key(asked, SLICE("absent"));
	struct operation *operation = engine_invalidate(asked);
	ck_assert_uint_eq(engine_result(operation)->passes, 0);
	ck_assert_int_eq(!*engine_reason(operation), 1);
	ck_assert_uint_eq(engine_result(operation)->selector_count, 4);
	expect(operation, OPERATION_COMPLETED, 4, 4);
	ck_assert_int_eq(engine_call("EXISTS", "menu:1", NULL, NULL), 0);
	ck_assert_int_eq(engine_call("EXISTS", "menu:2", NULL, NULL), 1);
	ck_assert_int_eq(engine_call("EXISTS", "user:a:2", NULL, NULL), 1);
	ck_assert_int_eq(engine_call("XLEN", "cw:inval", NULL, NULL), 1);
	ck_assert_uint_eq(engine.cache.invalidated_keys, 4);
}

TEST_CALL(exact_keys_need_no_pass, engine_run(yaml, keys_and_rules))

static void pattern_takes_its_keys(void)
{
	struct invalidation *asked = ask("user:*");

	engine_fill("user:%d", 0, 5000);
	engine_fill("product:%d", 0, 5000);
	engine_fill("lock:user:%d", 0, 10);
	invalidation_add_pattern(asked, SLICE("*user:1*"));
	asked->max_keys = 100000;
	struct operation *operation = engine_invalidate(asked);
	ck_assert_uint_eq(engine_result(operation)->passes, 1);
	ck_assert_uint_eq(engine_result(operation)->protected_skipped, 1);
	ck_assert_int_eq((int)engine_result(operation)->sample_count, INVALIDATION_SAMPLE);
	expect(operation, OPERATION_COMPLETED, 5000, 5000);
	ck_assert_int_eq(engine_call("EXISTS", "product:4999", NULL, NULL), 1);
	ck_assert_int_eq(engine_call("EXISTS", "lock:user:1", NULL, NULL), 1);
	ck_assert_uint_eq(pass_queue_total(invalidator_queue(engine.invalidator)), 1);
}

TEST_CALL(a_pattern_removes_what_it_matches_and_no_more, engine_run(yaml, pattern_takes_its_keys))

static void few_names_are_held(void)
{
	engine_fill("a:%d", 0, 1000);
	struct operation *operation = engine_invalidate(ask("a:*"));
	ck_assert_uint_eq(engine_result(operation)->passes, 1);
	expect(operation, OPERATION_COMPLETED, 1000, 1000);
	/* Names that do not fit are counted, then removed by a second pass. */
	engine_fill("b%0200d", 0, 900);
	operation = engine_invalidate(ask("b*"));
	ck_assert_uint_eq(engine_result(operation)->passes, 2);
	expect(operation, OPERATION_COMPLETED, 900, 900);
}

TEST_CALL(without_confirmation_few_keys_take_one_pass, engine_run(yaml, few_names_are_held))

static void many_ask_back(void)
{
	engine_fill("a:%d", 0, 1500);
	struct operation *operation = engine_invalidate(ask("a:*"));
	ck_assert_int_eq(operation_error(operation)->error, ERR_CONFIRMATION_REQUIRED);
	ck_assert_int_eq(engine_result(operation)->matched_at_least, 1001);
	ck_assert_int_eq(!*engine_reason(operation), 0);
	char *token = mem_strdup(engine_result(operation)->confirmation);
	expect(operation, OPERATION_FAILED, -1, 0);
	ck_assert_int_eq(engine_call("EXISTS", "a:1499", NULL, NULL), 1);
	/* The token opens these selectors, no others. */
	struct invalidation *other = ask("a:1*");
	other->confirm = mem_strdup(token);
	operation = engine_invalidate(other);
	ck_assert_int_eq(operation_error(operation)->error, ERR_CONFIRMATION_REQUIRED);
	ck_assert_int_eq(engine_result(operation)->matched_at_least, 611);
	expect(operation, OPERATION_FAILED, 611, 0);
	struct invalidation *same = ask("a:*");
	same->confirm = token;
	expect(engine_invalidate(same), OPERATION_COMPLETED, 1500, 1500);
}

TEST_CALL(many_keys_need_a_confirmation, engine_run(yaml, many_ask_back))

static void dry_run_removes_nothing(void)
{
	struct invalidation *asked = ask("a:*");

	engine_fill("a:%d", 0, 1500);
	invalidation_add_key(asked, SLICE("a:7"));
	asked->dry_run = true;
	struct operation *operation = engine_invalidate(asked);
	ck_assert_int_eq(engine_result(operation)->dry_run, 1);
	ck_assert_uint_eq(strlen(engine_result(operation)->confirmation), 32);
	expect(operation, OPERATION_COMPLETED, 1500, 0);
	ck_assert_int_eq(engine_call("EXISTS", "a:7", NULL, NULL), 1);
	ck_assert_int_eq(engine_call("EXISTS", "cw:inval", NULL, NULL), 0);
}

TEST_CALL(a_dry_run_only_counts, engine_run(yaml, dry_run_removes_nothing))

static void max_keys_stops(void)
{
	struct invalidation *asked = ask("a:*");

	engine_fill("a:%d", 0, 1500);
	asked->max_keys = 1200;
	struct operation *operation = engine_invalidate(asked);
	ck_assert_str_eq(engine_reason(operation), "max_keys");
	ck_assert_int_eq(!*engine_reason(operation), 0);
	expect(operation, OPERATION_COMPLETED, 1200, 1200);
	asked = ask("a:*");
	asked->max_keys = 300;
	operation = engine_invalidate(asked);
	ck_assert_int_eq(!*engine_reason(operation), 1);
	expect(operation, OPERATION_COMPLETED, 300, 300);
}

TEST_CALL(reaching_max_keys_stops, engine_run(yaml, max_keys_stops))

static void verify_looks_again(void)
{
	struct invalidation *asked = ask("a:*");

	engine_fill("a:%d", 0, 500);
	asked->verify = true;
	struct operation *operation = engine_invalidate(asked);
	ck_assert_uint_eq(engine_result(operation)->passes, 2);
	expect(operation, OPERATION_COMPLETED, 500, 500);
}

TEST_CALL(verify_takes_another_pass, engine_run(yaml, verify_looks_again))

static void cap_makes_it_incomplete(void)
{
	struct invalidation *asked = ask(NULL);

	engine_fill("grow:%d", 1, 1);
	invalidation_add_key(asked, SLICE("grow:1"));
	asked->max_keys = 100000;
	struct operation *operation = engine_invalidate(asked);
	ck_assert_str_eq(engine_reason(operation), "too_many_dependents");
	expect(operation, OPERATION_PARTIAL, 1, 1);
}

TEST_CALL(too_many_dependents_are_reported, engine_run(yaml, cap_makes_it_incomplete))

enum { together = 50 };

static void fifty_at_once(void)
{
	struct operation *operations[together];
	struct fault fault = {0};
	char id[16];

	engine_fill("list:%d:x", 0, 100);
	engine_fill("y:of:%d", 0, 100);
	engine_fill("other:%d", 0, 50000);
	for (int i = 0; i < together; i++) {
		struct invalidation *asked = ask(NULL);

		snprintf(id, sizeof id, "%d", i);
		invalidation_add_id(
			asked, conf_entity(engine.cache.conf, SLICE("list")), slice_str(id));
		ck_assert_int_eq(
			invalidator_begin(engine.invalidator, asked, &operations[i], &fault), OK);
		if (i % 10 == 9)
			fiber_sleep(3);
	}
	for (int i = 0; i < together; i++) {
		ck_assert_int_eq(operation_wait(operations[i], clock_deadline(20000)), OK);
		expect(operations[i], OPERATION_COMPLETED, 2, 2);
	}
	ck_assert_uint_le(pass_queue_total(invalidator_queue(engine.invalidator)), 3);
	ck_assert_int_eq(engine_call("EXISTS", "list:50:x", NULL, NULL), 1);
}

TEST_CALL(fifty_operations_share_three_passes, engine_run(yaml, fifty_at_once))

static void queue_has_an_end(void)
{
	struct operation *operations[100];
	struct fault fault = {0};
	int accepted = 0;

	engine_fill("a:%d", 0, 10);
	while (invalidator_begin(engine.invalidator, ask("a:*"), &operations[accepted], &fault) ==
		OK)
		ck_assert_int_lt(++accepted, 100);
	ck_assert_int_eq(fault.error, ERR_TOO_MANY_OPERATIONS);
	ck_assert_int_eq(accepted, 80);
	for (int i = 0; i < accepted; i++) {
		operation_wait(operations[i], clock_deadline(20000));
		operation_unref(operations[i]);
	}
}

TEST_CALL(waiting_operations_are_bounded, engine_run(yaml, queue_has_an_end))

static void flush_meanwhile(void *argument)
{
	(void)argument;
	while (pass_queue_total(invalidator_queue(engine.invalidator)) == 0)
		fiber_yield();
	fiber_sleep(15);
	engine_call("FLUSHDB", NULL, NULL, NULL);
}

static void flush_is_noticed(void)
{
	struct invalidation *asked = ask("a:*");
	struct fiber_group group;

	engine_fill("b:%d", 0, 200000);
	fiber_group_init(&group, "test", engine.cache.loop);
	fiber_spawn(&group, "flush", flush_meanwhile, NULL);
	struct operation *operation = engine_invalidate(asked);
	fiber_group_join(&group, DEADLINE_NONE);
	ck_assert_str_eq(engine_reason(operation), "topology_changed");
	expect(operation, OPERATION_PARTIAL, 0, 0);
}

TEST_CALL(a_database_that_is_emptied_meanwhile_is_noticed, engine_run(yaml, flush_is_noticed))

static void cancel_stops_it(void)
{
	struct invalidation *asked = ask("a:*");
	struct operation *operation;
	struct fault fault = {0};

	engine_fill("a:%d", 0, 200000);
	asked->max_keys = 400000;
	ck_assert_int_eq(invalidator_begin(engine.invalidator, asked, &operation, &fault), OK);
	while (engine.cache.invalidated_keys == 0)
		fiber_sleep(1);
	operation_cancel(operation);
	ck_assert_int_eq(operation_wait(operation, clock_deadline(20000)), OK);
	ck_assert_int_eq(operation_state(operation), OPERATION_CANCELLED);
	ck_assert_str_eq(engine_reason(operation), "cancelled");
	int64_t left = engine_call("DBSIZE", NULL, NULL, NULL), removed = 200000;
	removed -= (int64_t)engine_result(operation)->invalidated;
	/* cw:inval, cw:ops, cw:op:<id>, cw:daemon:<instance> */
	ck_assert_int_eq(left - 4, removed);
	ck_assert_int_gt(removed, 0);
	operation_unref(operation);
}

TEST_CALL(a_cancelled_run_counts_what_was_done, engine_run(yaml, cancel_stops_it))

static void full_redis(void)
{
	engine_fill("a:%d", 0, 900);
	engine_call("CONFIG", "SET", "maxmemory", "1");
	struct operation *operation = engine_invalidate(ask("a:*"));
	/* Nothing but deletions is possible, so that the log stays behind. */
	ck_assert_str_eq(engine_reason(operation), "redis_oom");
	expect(operation, OPERATION_PARTIAL, 900, 900);
	engine_call("CONFIG", "SET", "maxmemory", "0");
}

TEST_CALL(keys_are_removed_from_a_full_redis, engine_run(yaml, full_redis))

static void restart_meanwhile(void *argument)
{
	(void)argument;
	while (engine.cache.invalidated_keys == 0)
		fiber_yield();
	server_kill(&engine_server);
	server_restart(&engine_server, NULL, NULL);
}

static void redis_dies(void)
{
	struct invalidation *asked = ask("a:*");
	struct fiber_group group;

	engine_fill("a:%d", 0, 200000);
	asked->max_keys = 400000;
	fiber_group_init(&group, "test", engine.cache.loop);
	fiber_spawn(&group, "restart", restart_meanwhile, NULL);
	struct operation *operation = engine_invalidate(asked);
	fiber_group_join(&group, DEADLINE_NONE);
	/* The second walk found an empty server that stayed the same. */
	ck_assert_int_eq(operation_state(operation), OPERATION_COMPLETED);
	ck_assert_uint_eq(engine_result(operation)->passes, 2);
	operation_unref(operation);
	/* Down from the start. */
	server_kill(&engine_server);
	struct fault fault = {0};
	ck_assert_int_eq(invalidator_begin(engine.invalidator, ask("a:*"), &operation, &fault), OK);
	ck_assert_int_eq(operation_wait(operation, clock_deadline(20000)), OK);
	ck_assert_int_eq(operation_state(operation), OPERATION_FAILED);
	ck_assert_int_ne(operation_error(operation)->error, OK);
	ck_assert_str_eq(engine_reason(operation), "redis_down");
	operation_unref(operation);
}

TEST_CALL(a_redis_that_dies_is_its_own_reason, engine_run(yaml, redis_dies))

static void log_is_readable(void)
{
	struct inval_place place;
	struct fault fault = {0};
	bool named;

	engine_fill("a:%d", 0, 10);
	ck_assert_int_eq(inval_log_last(&engine.cache, &place, &fault), OK);
	ck_assert_str_eq(place.id, "0-0");
	operation_unref(engine_invalidate(ask("x:*")));
	ck_assert_int_eq(inval_log_last(&engine.cache, &place, &fault), OK);
	operation_unref(engine_invalidate(ask("a:*")));
	struct redis_batch *batch = redis_batch_new();
	inval_log_add_read(&engine.cache, place.id, batch);
	ck_assert_int_eq(redis_node_run(store_node(engine.cache.store, SLICE("")), REDIS_COMMANDS,
				 batch, clock_deadline(20000), &fault),
		OK);
	struct inval_since *since = inval_since_parse(redis_batch_reply(batch, 0), place.id);
	ck_assert_ptr_nonnull(since);
	ck_assert(inval_since_check(since, SLICE("a:1"), &named) == OK && named);
	ck_assert(inval_since_check(since, SLICE("x:1"), &named) == OK && !named);
	inval_since_free(since);
	redis_batch_free(batch);
}

TEST_CALL(a_loader_sees_what_was_invalidated_during_its_load, engine_run(yaml, log_is_readable))

TEST_SUITE("invalidate", exact_keys_need_no_pass, a_pattern_removes_what_it_matches_and_no_more,
	without_confirmation_few_keys_take_one_pass, many_keys_need_a_confirmation,
	a_dry_run_only_counts, reaching_max_keys_stops, verify_takes_another_pass,
	too_many_dependents_are_reported, fifty_operations_share_three_passes,
	waiting_operations_are_bounded, a_database_that_is_emptied_meanwhile_is_noticed,
	a_cancelled_run_counts_what_was_done, keys_are_removed_from_a_full_redis,
	a_redis_that_dies_is_its_own_reason, a_loader_sees_what_was_invalidated_during_its_load)
