/* SPDX-License-Identifier: MIT */
/* Operations on a real redis-server, and as another daemon on it sees them. */
#include "engine/engine.h"
#include "operation/operation.h"

#include <stdio.h>
#include <string.h>

#include "../cache/config.h"
#include "../cache/engine.h"
#include "../unit.h"
#include "base/mem.h"
#include "operation/operation_internal.h"
#include "text/json.h"

static struct engine other;
static int ended_events;

static enum operation_state sleeps(
	struct operation *operation, void *context, cJSON **ret_result, struct fault *fault)
{
	const int *ms = context;

	(void)fault;
	operation_progress(operation, "working", 3, 10);
	*ret_result = cJSON_CreateObject();
	cJSON_AddStringToObject(*ret_result, "text", "x");
	if (fiber_sleep(*ms) == OK)
		return OPERATION_COMPLETED;
	cJSON_AddStringToObject(*ret_result, "reason", "cancelled");
	return OPERATION_CANCELLED;
}

START_TEST(the_rate_does_not_follow_the_wall_clock)
{
	const struct operation operation = {.kind = "warm",
		.by = "me",
		.state = OPERATION_COMPLETED,
		.phase = "ended",
		.done = 1000,
		.started_wall_ms = 1800000000000,
		.finished_wall_ms = 1799990000000, /* it was set back meanwhile */
		.started_mono_ms = 5000,
		.finished_mono_ms = 7000};
	cJSON *json = operation_json(&operation);
	struct buf text = {0};

	json_print(json, &text);
	ck_assert_ptr_nonnull(strstr(text.p, "\"per_second\":500"));
	buf_release(&text);
	cJSON_Delete(json);
}
END_TEST

static struct operation *begin_as(const char *by, int *ms, int64_t timeout_ms)
{
	const struct operation_spec spec = {.kind = "warm",
		.subject = "job",
		.by = by,
		.note = "why",
		.run = sleeps,
		.context = ms,
		.timeout_ms = timeout_ms};
	struct operation *operation = NULL;

	ck_assert_int_eq(operation_begin(engine.operations, &spec, &operation, NULL), OK);
	return operation;
}

static void open_other(void)
{
	engine_call("PING", NULL, NULL, NULL);
	engine_init(&other, engine.cache.loop, engine.cache.bus, NULL, engine.cache.store,
		engine.cache.conf);
}

static void close_other(void)
{
	engine_stop(&other, clock_deadline(5000));
	engine_release(&other);
}

/* The state word that the other daemon shows. */
static char *state_elsewhere(const char *id)
{
	struct fault fault = {0};
	cJSON *record = NULL;

	enum error error = operations_find(other.operations, slice_str(id), &record, &fault);
	ck_assert_msg(error == OK, "%s", fault.detail);
	ck_assert_ptr_null(cJSON_GetObjectItem(record, "instance"));
	ck_assert_str_eq(cJSON_GetObjectItem(record, "operation_id")->valuestring, id);
	char *state = mem_strdup(cJSON_GetObjectItem(record, "state")->valuestring);
	cJSON_Delete(record);
	return state;
}

static void expect_elsewhere(const char *id, const char *state)
{
	char *shown = state_elsewhere(id);

	ck_assert_str_eq(shown, state);
	mem_free(shown);
}

static void count_event(void *context, const void *data)
{
	(void)context;
	ended_events += operation_ended(data);
}

static void others_answer(void)
{
	int ms = 1500; /* longer than all that is looked at meanwhile */
	struct event_subscription *subscription =
		event_subscribe(engine.cache.bus, EVENT_OPERATION, count_event, NULL);

	open_other();
	struct operation *operation = begin_as("me", &ms, 0);
	ck_assert_int_eq(operation_state(operation), OPERATION_QUEUED);
	ck_assert_int_eq(operation_wait(operation, clock_deadline(20)), ERR_TIMEOUT);
	expect_elsewhere(operation_id(operation), "running");
	ck_assert_uint_eq(operations_active(engine.operations, "warm"), 1);
	ck_assert_double_eq(
		metric_value(engine.cache.metrics, METRIC_OPERATIONS, "warm", "running"), 1);
	ck_assert_int_eq(operation_wait(operation, clock_deadline(20000)), OK);
	expect_elsewhere(operation_id(operation), "completed");
	ck_assert_uint_eq(operations_active(engine.operations, "warm"), 0);
	ck_assert_int_eq(ended_events, 1);
	operation_unref(operation);
	event_unsubscribe(subscription);
	close_other();
}

START_TEST(another_daemon_answers_for_an_operation)
{
	engine_run("", others_answer);
}
END_TEST

static enum error cancel_as(const char *id, const struct identity *who)
{
	struct fault fault = {0};
	cJSON *record = NULL;
	enum error error = operations_cancel(other.operations, slice_str(id), who, &record, &fault);

	cJSON_Delete(record);
	return error;
}

static void cancelled_elsewhere(void)
{
	static const struct identity me = {.name = "me"}, you = {.name = "you"};
	int ms = 20000;

	open_other();
	struct operation *operation = begin_as("me", &ms, 0);
	fiber_sleep(20);
	ck_assert_int_eq(cancel_as(operation_id(operation), &you), ERR_FORBIDDEN);
	ck_assert_int_eq(cancel_as("00000000000000000000", &me), ERR_UNKNOWN_OPERATION);
	ck_assert_int_eq(cancel_as("../x", &me), ERR_UNKNOWN_OPERATION);
	ck_assert_int_eq(cancel_as(operation_id(operation), &me), OK);
	ck_assert_int_eq(operation_wait(operation, clock_deadline(20000)), OK);
	ck_assert_int_eq(operation_state(operation), OPERATION_CANCELLED);
	expect_elsewhere(operation_id(operation), "cancelled");
	ck_assert_int_eq(cancel_as(operation_id(operation), &me), ERR_CONFLICT);
	operation_unref(operation);
	close_other();
}

START_TEST(another_daemon_cancels_it)
{
	engine_run("", cancelled_elsewhere);
}
END_TEST

static void dead_daemon(void)
{
	struct buf key = {0};
	int ms = 500;

	open_other();
	struct operation *operation = begin_as("me", &ms, 0);
	fiber_sleep(20);
	expect_elsewhere(operation_id(operation), "running");
	cache_own_key(&engine.cache, "daemon:", slice_str(engine.cache.instance), &key);
	ck_assert_int_eq(engine_call("DEL", key.p, NULL, NULL), 1);
	expect_elsewhere(operation_id(operation), "interrupted");
	operation_wait(operation, clock_deadline(20000));
	operation_unref(operation);
	buf_release(&key);
	close_other();
}

START_TEST(without_a_sign_of_life_it_is_interrupted)
{
	engine_run("", dead_daemon);
}
END_TEST

static size_t list(struct operations *operations, struct operations_query query, char *next)
{
	struct fault fault = {0};
	cJSON *page = NULL;

	ck_assert_int_eq(operations_list(operations, &query, &page, &fault), OK);
	const cJSON *items = cJSON_GetObjectItem(page, "items");
	const char *cursor = cJSON_GetStringValue(cJSON_GetObjectItem(page, "next"));
	const char *before = "~";
	for (const cJSON *at = items->child; at; at = at->next) {
		const char *id = cJSON_GetObjectItem(at, "operation_id")->valuestring;
		ck_assert_int_lt(strcmp(id, before), 0);
		before = id;
	}
	snprintf(next, 64, "%s", cursor ? cursor : "");
	size_t count = (size_t)cJSON_GetArraySize(items);
	cJSON_Delete(page);
	return count;
}

static void many_listed(void)
{
	static const char *const names[] = {"a", "b"};
	struct operations_query query = {-1, -1, .limit = 3};
	struct operation *operation;
	char next[64];
	int ms = 0;

	open_other();
	for (int i = 0; i < 7; i++) {
		operation = begin_as(names[i % 2], &ms, 0);
		ck_assert_int_eq(operation_wait(operation, clock_deadline(20000)), OK);
		operation_unref(operation);
	}
	struct operations *both[] = {engine.operations, other.operations};
	for (size_t i = 0; i < 2; i++) {
		query.cursor = slice_of("", 0);
		ck_assert_uint_eq(list(both[i], query, next), 3);
		query.cursor = slice_str(next);
		ck_assert_uint_eq(list(both[i], query, next), 3);
		query.cursor = slice_str(next);
		ck_assert_uint_eq(list(both[i], query, next), 1);
		ck_assert_str_eq(next, "");
	}
	query = (struct operations_query){-1, -1, .limit = 100, .by = SLICE("b")};
	ck_assert_uint_eq(list(other.operations, query, next), 3);
	query = (struct operations_query){-1, -1, .limit = 100, .state = SLICE("failed")};
	ck_assert_uint_eq(list(other.operations, query, next), 0);
	query = (struct operations_query){clock_wall_ms() + 1000, -1, .limit = 100};
	ck_assert_uint_eq(list(other.operations, query, next), 0);
	close_other();
}

START_TEST(the_list_goes_by_pages_newest_first)
{
	engine_run("", many_listed);
}
END_TEST

static void time_is_over(void)
{
	int ms = 20000;
	struct operation *operation = begin_as("me", &ms, 100);

	ck_assert_int_eq(operation_wait(operation, clock_deadline(20000)), OK);
	ck_assert_int_eq(operation_state(operation), OPERATION_FAILED);
	ck_assert_int_eq(operation_error(operation)->error, ERR_TIMEOUT);
	ck_assert_str_eq(
		cJSON_GetObjectItem(operation_result(operation), "reason")->valuestring, "timeout");
	operation_unref(operation);
}

START_TEST(an_operation_ends_at_its_deadline)
{
	engine_run("", time_is_over);
}
END_TEST

static void redis_is_down(void)
{
	struct operations_query query = {-1, -1, .limit = 10};
	char next[64];
	int ms = 10, long_ms = 60000;

	open_other();
	server_kill(&engine_server);
	fiber_sleep(50);
	struct operation *longer = begin_as("me", &long_ms, 0);
	struct operation *operation = begin_as("me", &ms, 0);
	ck_assert_int_eq(operation_wait(operation, clock_deadline(20000)), OK);
	ck_assert_uint_eq(list(engine.operations, query, next), 2);
	server_restart(&engine_server, NULL, NULL);
	struct fault fault;
	cJSON *record = NULL;
	for (int i = 0; i < 60 && !record; i++) {
		fiber_sleep(100);
		operations_find(
			other.operations, slice_str(operation_id(operation)), &record, &fault);
	}
	/* What Redis could not take was written once it was back. */
	ck_assert_ptr_nonnull(record);
	cJSON_Delete(record);
	operation_unref(operation);
	/* What began without Redis and ends with it stands in the list, too. */
	operation_cancel(longer);
	ck_assert_int_eq(operation_wait(longer, clock_deadline(3000)), OK);
	operation_unref(longer);
	ck_assert_uint_eq(list(other.operations, query, next), 2);
	close_other();
}

START_TEST(without_redis_operations_live_in_memory)
{
	engine_run("", redis_is_down);
}
END_TEST

static void stop_cancels(void)
{
	struct fault fault = {0};
	int ms = 20000;
	struct operation *operation = begin_as("me", &ms, 0), *none = NULL;

	fiber_sleep(20);
	engine_stop(&engine, clock_deadline(5000));
	ck_assert_int_eq(operation_state(operation), OPERATION_CANCELLED);
	const struct operation_spec spec = {.kind = "warm", .by = "me", .run = sleeps};
	ck_assert_int_eq(operation_begin(engine.operations, &spec, &none, &fault), ERR_STOPPING);
	operation_unref(operation);
}

START_TEST(stopping_cancels_and_refuses)
{
	engine_run("", stop_cancels);
}
END_TEST

/* Its cleanup takes longer than the first stop waits. */
static enum operation_state cleans_up(
	struct operation *operation, void *context, cJSON **ret_result, struct fault *fault)
{
	bool *done = context;

	(void)operation, (void)ret_result, (void)fault;
	while (fiber_sleep(20000) == OK)
		;
	fiber_cleanup_begin(5000);
	fiber_sleep(200);
	fiber_cleanup_end();
	*done = true;
	return OPERATION_CANCELLED;
}

static void stop_twice(void)
{
	struct operation *operation = NULL;
	bool done = false;
	const struct operation_spec spec = {
		.kind = "warm", .by = "me", .run = cleans_up, .context = &done};

	ck_assert_int_eq(operation_begin(engine.operations, &spec, &operation, NULL), OK);
	fiber_sleep(20);
	engine_stop(&engine, clock_deadline(1));
	ck_assert(!done && !operation_ended(operation));
	engine_stop(&engine, DEADLINE_NONE);
	ck_assert(done && operation_ended(operation));
	operation_unref(operation);
}

START_TEST(what_outlasts_a_stop_is_waited_for_by_the_next)
{
	engine_run("", stop_twice);
}
END_TEST

static void phases_are_states(void)
{
	int ms = 100;
	struct operation *operation = begin_as("me", &ms, 0);

	fiber_sleep(20);
	operation_progress(operation, "queued", 0, 0);
	ck_assert_int_eq(operation_state(operation), OPERATION_QUEUED);
	operation_progress(operation, "working", 5, 10);
	ck_assert_int_eq(operation_state(operation), OPERATION_RUNNING);
	cJSON *body = operation_json(operation);
	struct buf text = {0};
	json_print(cJSON_GetObjectItem(body, "progress"), &text);
	ck_assert_ptr_nonnull(strstr(text.p, "\"done\":5,\"total\":10,\"ratio\":0.5,"));
	ck_assert_str_eq(cJSON_GetObjectItem(body, "job")->valuestring, "job");
	ck_assert_str_eq(cJSON_GetObjectItem(body, "note")->valuestring, "why");
	ck_assert(cJSON_IsNull(cJSON_GetObjectItem(body, "finished")));
	buf_release(&text);
	cJSON_Delete(body);
	operation_wait(operation, clock_deadline(20000));
	operation_unref(operation);
}

START_TEST(a_phase_says_queued_or_running)
{
	engine_run("", phases_are_states);
}
END_TEST

static void layouts(void)
{
	struct fault fault = {0};

	engine_call("PING", NULL, NULL, NULL);
	ck_assert_int_eq(cache_check_layout(&engine.cache, &fault), OK);
	ck_assert_int_eq(cache_check_layout(&engine.cache, &fault), OK);
	ck_assert_int_eq(engine_call("HSET", "cw:meta", "layout", "2"), 0);
	ck_assert_int_eq(cache_check_layout(&engine.cache, &fault), ERR_CONFLICT);
}

START_TEST(a_newer_layout_is_refused)
{
	engine_run("", layouts);
}
END_TEST

TEST_SUITE("operation", another_daemon_answers_for_an_operation, another_daemon_cancels_it,
	without_a_sign_of_life_it_is_interrupted, the_list_goes_by_pages_newest_first,
	an_operation_ends_at_its_deadline, without_redis_operations_live_in_memory,
	stopping_cancels_and_refuses, what_outlasts_a_stop_is_waited_for_by_the_next,
	a_phase_says_queued_or_running, a_newer_layout_is_refused,
	the_rate_does_not_follow_the_wall_clock)
