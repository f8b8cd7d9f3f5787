/* SPDX-License-Identifier: MIT */
/* Operations on a real redis-server, and as another daemon on it sees them. */
#include "engine/engine.h"
#include "operation/operation.h"

#include <math.h>
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

/* The result of `sleeps`. */
struct slept {
	bool cancelled, timed_out;
};

static cJSON *slept_json(const void *result)
{
	const struct slept *slept = result;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddBoolToObject(json, "cancelled", slept->cancelled);
	return json;
}

static void slept_free(void *result)
{
	mem_free(result);
}

static const struct operation_kind kind = {"warm", slept_json, slept_free};

static enum operation_state sleeps(
	struct operation *operation, void *context, void **ret_result, struct fault *fault)
{
	const int *ms = context;
	struct slept *slept = mem_new(struct slept);

	(void)fault;
	operation_progress(operation, OPERATION_PHASE_STORING, 3, 10);
	slept->cancelled = fiber_sleep(*ms) != OK;
	slept->timed_out = operation_timed_out(operation);
	*ret_result = slept;
	return slept->cancelled ? OPERATION_CANCELLED : OPERATION_COMPLETED;
}

START_TEST(the_rate_does_not_follow_the_wall_clock)
{
	struct operations owner = {.cache = &engine.cache};
	struct operation operation = {.references = 1,
		.owner = &owner,
		.kind = &kind,
		.by = (char[]){"me"},
		.state = OPERATION_COMPLETED,
		.phase = OPERATION_PHASE_ENDED,
		.done = 1000,
		.started_wall_ms = 1800000000000,
		.finished_wall_ms = 1799990000000, /* it was set back meanwhile */
		.started_mono_ms = 5000,
		.finished_mono_ms = 7000};
	struct operation_view view;

	operation_view(&operation, &view);
	ck_assert_double_eq(view.per_second, 500);
	operation_view_release(&view);
}
END_TEST

/* What is shown of an operation that has run for `took_ms`. */
static void expect_progress(uint64_t done, uint64_t total, int64_t took_ms,
	enum operation_state state, const char *expected)
{
	struct operations owner = {.cache = &engine.cache};
	struct operation operation = {.references = 1,
		.owner = &owner,
		.kind = &kind,
		.by = (char[]){"me"},
		.state = state,
		.done = done,
		.total = total,
		.started_mono_ms = clock_mono_ms() - took_ms,
		.finished_mono_ms = clock_mono_ms()};
	struct operation_view view;

	operation_view(&operation, &view);
	cJSON *body = operation_record_json(&view);
	const cJSON *progress = cJSON_GetObjectItem(body, "progress");
	struct buf text = {0};

	json_print(cJSON_GetObjectItem(progress, "done"), &text);
	for (const cJSON *at = cJSON_GetObjectItem(progress, "total"); at; at = at->next) {
		buf_char(&text, ' ');
		json_print(at, &text);
	}
	ck_assert_str_eq(text.p, expected);
	ck_assert(isfinite(view.per_second));
	buf_release(&text);
	cJSON_Delete(body);
	operation_view_release(&view);
}

/* done total ratio per_second eta_seconds */
START_TEST(progress_shows_what_is_known)
{
	const enum operation_state on = OPERATION_RUNNING, off = OPERATION_COMPLETED;

	expect_progress(0, 0, 1000000, on, "0 null null null null");
	expect_progress(0, 10, 1000000, on, "0 10 0 null null");
	expect_progress(5000, 10000, 1000000, on, "5000 10000 0.5 5 1000");
	expect_progress(9999, 10000, 1000000, on, "9999 10000 0.9999 10 0.1");
	expect_progress(10000, 10000, 1000000, on, "10000 10000 1 10 0");
	expect_progress(15000, 10000, 1000000, on, "15000 10000 1 15 null");
	expect_progress(5000, 0, 1000000, on, "5000 null null 5 null");
	expect_progress(5000, 10000, 1000000, off, "5000 10000 0.5 5 null");
	expect_progress(5000, 10000, 0, off, "5000 10000 0.5 null null");
	expect_progress(5000, 10000, -1, off, "5000 10000 0.5 null null");
	expect_progress(1, 10000, 1, off, "1 10000 0.0001 1000 null");
}
END_TEST

static struct operation *begin_as(const char *by, int *ms, int64_t timeout_ms)
{
	const struct operation_spec spec = {.kind = &kind,
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

/* What this daemon has sent without waiting is written: it is on the same connection. */
static void await_writes(void)
{
	engine_call("DEL", "none", NULL, NULL);
}

static void open_other(void)
{
	await_writes();
	engine_init(&other, engine.cache.loop, engine.cache.bus, NULL, engine.cache.store,
		engine.cache.conf);
}

static void close_other(void)
{
	engine_stop(&other, clock_deadline(5000));
	engine_release(&other);
}

/* The state that the other daemon shows. */
static void expect_elsewhere(const char *id, enum operation_state state)
{
	struct fault fault = {0};
	struct operation_view view;

	await_writes();
	enum error error = operations_find(other.operations, slice_str(id), &view, &fault);
	ck_assert_msg(error == OK, "%s", fault.detail);
	ck_assert_str_eq(view.id, id);
	ck_assert_str_eq(operation_state_name(view.state), operation_state_name(state));
	operation_view_release(&view);
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
	expect_elsewhere(operation_id(operation), OPERATION_RUNNING);
	ck_assert_uint_eq(operations_active(engine.operations, "warm"), 1);
	ck_assert_double_eq(
		metric_value(engine.cache.metrics, METRIC_OPERATIONS, "warm", "running"), 1);
	ck_assert_int_eq(operation_wait(operation, clock_deadline(20000)), OK);
	expect_elsewhere(operation_id(operation), OPERATION_COMPLETED);
	ck_assert_uint_eq(operations_active(engine.operations, "warm"), 0);
	ck_assert_int_eq(ended_events, 1);
	operation_unref(operation);
	event_unsubscribe(subscription);
	close_other();
}

TEST_CALL(another_daemon_shows_the_operation, engine_run("", others_answer))

static enum error cancel_as(const char *id, const struct identity *who)
{
	struct fault fault = {0};
	struct operation_view view = {0};
	enum error error = operations_cancel(other.operations, slice_str(id), who, &view, &fault);

	operation_view_release(&view);
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
	expect_elsewhere(operation_id(operation), OPERATION_CANCELLED);
	ck_assert_int_eq(cancel_as(operation_id(operation), &me), ERR_CONFLICT);
	operation_unref(operation);
	close_other();
}

TEST_CALL(another_daemon_cancels_the_operation, engine_run("", cancelled_elsewhere))

static void dead_daemon(void)
{
	struct buf key = {0};
	int ms = 500;

	open_other();
	struct operation *operation = begin_as("me", &ms, 0);
	fiber_sleep(20);
	expect_elsewhere(operation_id(operation), OPERATION_RUNNING);
	cache_own_key(&engine.cache, "daemon:", slice_str(engine.cache.instance), &key);
	ck_assert_int_eq(engine_call("DEL", key.p, NULL, NULL), 1);
	expect_elsewhere(operation_id(operation), OPERATION_INTERRUPTED);
	operation_wait(operation, clock_deadline(20000));
	operation_unref(operation);
	buf_release(&key);
	close_other();
}

TEST_CALL(without_a_heartbeat_an_operation_is_interrupted, engine_run("", dead_daemon))

static size_t list(struct operations *operations, struct operations_query query, char *next)
{
	struct fault fault = {0};
	struct operations_page page;

	ck_assert_int_eq(operations_list(operations, &query, &page, &fault), OK);
	for (size_t i = 1; i < page.count; i++)
		ck_assert_int_lt(strcmp(page.items[i].id, page.items[i - 1].id), 0);
	snprintf(next, 64, "%s", page.next);
	size_t count = page.count;
	operations_page_release(&page);
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

TEST_CALL(the_list_has_pages_with_the_newest_first, engine_run("", many_listed))

static void time_is_over(void)
{
	int ms = 20000;
	struct operation *operation = begin_as("me", &ms, 100);

	ck_assert_int_eq(operation_wait(operation, clock_deadline(20000)), OK);
	ck_assert_int_eq(operation_state(operation), OPERATION_FAILED);
	ck_assert_int_eq(operation_error(operation)->error, ERR_TIMEOUT);
	const struct slept *slept = operation_result(operation);
	ck_assert(slept->cancelled && slept->timed_out);
	operation_unref(operation);
}

TEST_CALL(an_operation_ends_at_its_deadline, engine_run("", time_is_over))

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
	struct operation_view view = {0};
	for (int i = 0; i < 60 && !*view.id; i++) {
		fiber_sleep(100);
		operations_find(
			other.operations, slice_str(operation_id(operation)), &view, &fault);
	}
	/* What Redis could not take was written once it was back. */
	ck_assert_str_eq(view.id, operation_id(operation));
	operation_view_release(&view);
	operation_unref(operation);
	/* What began without Redis and ends with it stands in the list, too. */
	operation_cancel(longer);
	ck_assert_int_eq(operation_wait(longer, clock_deadline(3000)), OK);
	operation_unref(longer);
	await_writes();
	ck_assert_uint_eq(list(other.operations, query, next), 2);
	close_other();
}

TEST_CALL(without_redis_operations_live_in_memory, engine_run("", redis_is_down))

static void stop_cancels(void)
{
	struct fault fault = {0};
	int ms = 20000;
	struct operation *operation = begin_as("me", &ms, 0), *none = NULL;

	fiber_sleep(20);
	engine_stop(&engine, clock_deadline(5000));
	ck_assert_int_eq(operation_state(operation), OPERATION_CANCELLED);
	const struct operation_spec spec = {.kind = &kind, .by = "me", .run = sleeps};
	ck_assert_int_eq(operation_begin(engine.operations, &spec, &none, &fault), ERR_STOPPING);
	operation_unref(operation);
}

TEST_CALL(stopping_cancels_and_refuses, engine_run("", stop_cancels))

/* Its cleanup takes longer than the first stop waits. */
static enum operation_state cleans_up(
	struct operation *operation, void *context, void **ret_result, struct fault *fault)
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
		.kind = &kind, .by = "me", .run = cleans_up, .context = &done};

	ck_assert_int_eq(operation_begin(engine.operations, &spec, &operation, NULL), OK);
	fiber_sleep(20);
	engine_stop(&engine, clock_deadline(1));
	ck_assert(!done && !operation_ended(operation));
	engine_stop(&engine, DEADLINE_NONE);
	ck_assert(done && operation_ended(operation));
	operation_unref(operation);
}

/* Ended operations are kept up to a number and a size, the newest at any rate. */
START_TEST(the_newest_ended_operations_are_kept)
{
	static char text[5 * 1024 * 1024];
	const size_t mib = 1024 * 1024;
	struct operations past = {0};
	char id[OPERATION_ID_BYTES + 1];

	memset(text, 'x', sizeof text);
	for (int i = 0; i <= 1000; i++) {
		snprintf(id, sizeof id, "%020d", i);
		operation_past_add(&past, id, slice_of(text, (size_t)i % 7));
		ck_assert_uint_eq(strlen(past.newest->text), (size_t)i % 7);
	}
	ck_assert_uint_eq(past.past_count, 1000);
	ck_assert_ptr_null(operation_past_find(&past, SLICE("00000000000000000000")));
	ck_assert_str_eq(past.oldest->id, "00000000000000000001");
	ck_assert_ptr_eq(operation_past_find(&past, slice_str(id)), past.newest);
	ck_assert(past.newest->unsaved);
	operation_past_free_all(&past);
	ck_assert(past.past_count == 0 && past.past_bytes == 0 && !past.newest);
	for (int i = 0; i < 5; i++)
		operation_past_add(&past, id, slice_of(text, mib));
	ck_assert(past.past_count == 4 && past.past_bytes == 4 * mib);
	operation_past_add(&past, id, slice_of(text, 1));
	ck_assert(past.past_count == 4 && past.past_bytes == 3 * mib + 1);
	operation_past_add(&past, id, slice_of(text, 5 * mib));
	ck_assert(past.past_count == 1 && past.past_bytes == 5 * mib);
	ck_assert_ptr_eq(past.newest, past.oldest);
	operation_past_add(&past, id, slice_of(text, 1));
	ck_assert(past.past_count == 1 && past.past_bytes == 1);
	operation_past_free_all(&past);
}
END_TEST

TEST_CALL(a_second_stop_waits_for_what_the_first_left, engine_run("", stop_twice))

static void phases_are_states(void)
{
	int ms = 100;
	struct operation *operation = begin_as("me", &ms, 0);

	fiber_sleep(20);
	operation_progress(operation, OPERATION_PHASE_QUEUED, 0, 0);
	ck_assert_int_eq(operation_state(operation), OPERATION_QUEUED);
	operation_progress(operation, OPERATION_PHASE_STORING, 5, 10);
	ck_assert_int_eq(operation_state(operation), OPERATION_RUNNING);
	struct operation_view view;
	operation_view(operation, &view);
	ck_assert_str_eq(view.phase, "storing");
	ck_assert(view.done == 5 && view.total == 10 && view.finished_wall_ms == -1);
	operation_view_release(&view);
	operation_wait(operation, clock_deadline(20000));
	operation_unref(operation);
}

TEST_CALL(the_state_follows_the_phase, engine_run("", phases_are_states))

static void layouts(void)
{
	struct fault fault = {0};

	engine_call("PING", NULL, NULL, NULL);
	ck_assert_int_eq(cache_check_layout(&engine.cache, &fault), OK);
	ck_assert_int_eq(cache_check_layout(&engine.cache, &fault), OK);
	ck_assert_int_eq(engine_call("HSET", "cw:meta", "layout", "2"), 0);
	ck_assert_int_eq(cache_check_layout(&engine.cache, &fault), ERR_CONFLICT);
}

TEST_CALL(a_newer_layout_is_refused, engine_run("", layouts))

/* As daemons of the first version wrote it: it is read, and given back, word by word. */
#define RECORD_HEAD \
	"{\"operation_id\":\"0193a1b2c3d400000001\",\"kind\":\"warm\",\"job\":\"j\",\"state\":" \
	"\"partial\"," \
	"\"phase\":\"ended\",\"progress\":{\"done\":5,\"total\":10,\"ratio\":0.5,\"per_second\":" \
	"2.5," \
	"\"eta_seconds\":null},\"started\":\"2026-11-24T05:45:18.123Z\"," \
	"\"finished\":\"2026-11-24T05:45:20.123Z\",\"by\":\"me\",\"note\":null,\"trace_id\":null," \
	"\"result\":{" \
	"\"rows\":7}," \
	"\"error\":{\"code\":\"timeout\",\"title\":\"t\",\"detail\":\"d\"}"

START_TEST(a_record_is_read_as_it_was_written)
{
	struct operation_view view;
	struct buf text = {0};

	ck_assert(operation_record_read(SLICE(RECORD_HEAD ",\"instance\":\"i\"}"), &view));
	ck_assert_str_eq(view.instance, "i");
	ck_assert_int_eq(view.state, OPERATION_PARTIAL);
	ck_assert_int_eq(view.finished_wall_ms - view.started_wall_ms, 2000);
	cJSON *json = operation_record_json(&view);
	json_print(json, &text);
	ck_assert_str_eq(text.p, RECORD_HEAD "}");
	cJSON_Delete(json);
	buf_release(&text);
	operation_view_release(&view);
}
END_TEST

START_TEST(impossible_numbers_of_a_record_are_unknown)
{
	struct operation_view view;

	ck_assert(operation_record_read(SLICE("{\"operation_id\":\"0193a1b2c3d400000001\","
					      "\"state\":\"failed\",\"progress\":"
					      "{\"done\":1e300,\"total\":-5,\"per_second\":\"x\"},"
					      "\"started\":7,\"error\":[]}"),
		&view));
	ck_assert(view.done == 0 && view.total == 0 && view.per_second == -1);
	ck_assert(view.started_wall_ms == -1 && !view.error_code && !view.result);
	operation_view_release(&view);
}
END_TEST

START_TEST(malformed_records_are_refused)
{
	static const char *const texts[] = {"", "[]", "{}",
		"{\"operation_id\":\"0193a1b2c3d400000001\"}",
		"{\"operation_id\":\"0193a1b2c3d400000001\",\"state\":\"walking\"}",
		"{\"operation_id\":\"1\",\"state\":\"running\"}",
		"{\"operation_id\":7,\"state\":\"running\"}"};
	struct operation_view view;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		ck_assert_msg(!operation_record_read(slice_str(texts[i]), &view), "%s", texts[i]);
}
END_TEST

TEST_SUITE("operation", the_newest_ended_operations_are_kept, progress_shows_what_is_known,
	a_record_is_read_as_it_was_written, malformed_records_are_refused,
	impossible_numbers_of_a_record_are_unknown, another_daemon_shows_the_operation,
	another_daemon_cancels_the_operation, without_a_heartbeat_an_operation_is_interrupted,
	the_list_has_pages_with_the_newest_first, an_operation_ends_at_its_deadline,
	without_redis_operations_live_in_memory, stopping_cancels_and_refuses,
	a_second_stop_waits_for_what_the_first_left, the_state_follows_the_phase,
	a_newer_layout_is_refused, the_rate_does_not_follow_the_wall_clock)
