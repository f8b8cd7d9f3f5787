/* SPDX-License-Identifier: MIT */
#include "cache/result_internal.h"

#include "../unit.h"
#include "base/mem.h"
#include "engine.h"

static const char soft[] = "cache: {namespaces: [{prefix: \"s:\", ttl: 10s, stale_for: 1h}]}";

static struct result_request asking(const char *key)
{
	return (struct result_request){
		.key = slice_str(key), .load_ms = 5000, .deadline = clock_deadline(5000)};
}

static struct result *begin(const struct result_request *request, enum result_state expected)
{
	struct result *result;
	struct fault fault;

	ck_assert_int_eq(result_begin(&engine.cache, request, &result, &fault), OK);
	ck_assert_int_eq(result_state(result), expected);
	return result;
}

static void finish(struct result *result, const char *value)
{
	struct fault fault;
	struct slice text;

	result_finish(result, slice_str(value), &fault);
	ck_assert_int_eq(fault.error, OK);
	ck_assert(result_value(result, &text));
	ck_assert(slice_is(text, value));
	result_end(result);
}

static void has(struct result *result, const char *value)
{
	struct slice text;

	ck_assert_int_eq(result_value(result, &text), value != NULL);
	if (value)
		ck_assert(slice_is(text, value));
}

static void miss_then_hit(void)
{
	const struct result_request request = asking("k");
	struct result *result = begin(&request, RESULT_LOAD);

	has(result, NULL);
	finish(result, "one");
	result = begin(&request, RESULT_HIT);
	has(result, "one");
	ck_assert_int_eq(result_age_seconds(result), 0);
	ck_assert_int_gt(result_ttl_ms(result), 3590000);
	result_end(result);
	ck_assert_uint_eq(engine.cache.loads, 1);
}

TEST_CALL(a_loaded_value_is_a_hit_for_the_next_caller, engine_run("", miss_then_hit))

/* Others who want the key while it is loaded. */
struct other {
	struct result_request request;
	struct result *result;
	enum error error;
	struct fault fault;
};

static void wait_for_it(void *argument)
{
	struct other *other = argument;

	other->error = result_begin(&engine.cache, &other->request, &other->result, &other->fault);
}

enum { others_count = 50 };

/* Until so many wait for the load. Parks. */
static void await_waiters(size_t count)
{
	while (results_waiting(engine.cache.results) < count)
		fiber_sleep(1);
}

static void many_wait(void)
{
	const struct result_request request = asking("k");
	struct result *result = begin(&request, RESULT_LOAD);
	struct other others[others_count];
	struct fiber_group group;

	fiber_group_init(&group, "test", engine.cache.loop);
	for (size_t i = 0; i < others_count; i++) {
		others[i] = (struct other){.request = request};
		fiber_spawn(&group, "other", wait_for_it, &others[i]);
	}
	await_waiters(others_count);
	finish(result, "one");
	ck_assert_int_eq(fiber_group_join(&group, clock_deadline(20000)), OK);
	for (size_t i = 0; i < others_count; i++) {
		ck_assert_int_eq(others[i].error, OK);
		ck_assert_int_eq(result_state(others[i].result), RESULT_HIT);
		has(others[i].result, "one");
		result_end(others[i].result);
	}
	ck_assert_uint_eq(engine.cache.loads, 1);
}

TEST_CALL(other_callers_wait_for_the_one_that_loads, engine_run("", many_wait))

/* One after the other fails, and the next one takes over; each is told at once. */
static void loads_fail(void)
{
	const struct result_request request = asking("k");
	struct result *result = begin(&request, RESULT_LOAD);
	struct other other = {.request = request};
	struct fiber_group group;

	fiber_group_init(&group, "test", engine.cache.loop);
	fiber_spawn(&group, "other", wait_for_it, &other);
	await_waiters(1);
	result_fail(result, NULL);
	ck_assert_int_eq(fiber_group_join(&group, clock_deadline(20000)), OK);
	ck_assert_int_eq(result_state(other.result), RESULT_LOAD);
	result_end(result);
	/* Left without a word, it gives the lease back, too. */
	result_end(other.result);
	result = begin(&request, RESULT_LOAD);
	/* Somebody else's lease: found out by asking Redis. */
	struct other late = {.request = request};
	fiber_spawn(&group, "late", wait_for_it, &late);
	await_waiters(1);
	engine_call("SET", "k", "theirs", NULL);
	engine_call("DEL", "cw:lease:{0}:k", NULL, NULL);
	ck_assert_int_eq(fiber_group_join(&group, clock_deadline(20000)), OK);
	has(late.result, "theirs");
	result_end(late.result);
	result_end(result);
	/* And nobody waits beyond his deadline. */
	engine_call("DEL", "k", NULL, NULL);
	result = begin(&request, RESULT_LOAD);
	struct other hasty = {.request = request};
	hasty.request.deadline = clock_deadline(30);
	fiber_spawn(&group, "hasty", wait_for_it, &hasty);
	ck_assert_int_eq(fiber_group_join(&group, clock_deadline(20000)), OK);
	ck_assert_int_eq(hasty.error, ERR_TIMEOUT);
	result_end(result);
}

/* Those who wait get the error; who comes later loads. */
static void waiters_fail(void)
{
	const struct result_request request = asking("k");
	const struct fault why = {.error = ERR_SOURCE_FAILED, .detail = "out of order"};
	struct result *result = begin(&request, RESULT_LOAD);
	struct other others[others_count];
	struct fiber_group group;

	fiber_group_init(&group, "test", engine.cache.loop);
	for (size_t i = 0; i < others_count; i++) {
		others[i] = (struct other){.request = request};
		fiber_spawn(&group, "other", wait_for_it, &others[i]);
	}
	await_waiters(others_count);
	result_fail(result, &why);
	result_end(result);
	ck_assert_int_eq(fiber_group_join(&group, clock_deadline(20000)), OK);
	for (size_t i = 0; i < others_count; i++) {
		ck_assert_int_eq(others[i].error, ERR_SOURCE_FAILED);
		ck_assert_str_eq(others[i].fault.detail, "out of order");
		ck_assert_ptr_null(others[i].result);
	}
	result_end(begin(&request, RESULT_LOAD));
}

TEST_CALL(waiters_of_a_load_share_its_error, engine_run("", waiters_fail))

TEST_CALL(after_a_failed_load_the_next_caller_loads, engine_run("", loads_fail))

static void stale_values(void)
{
	struct result_request request = asking("s:k");

	finish(begin(&request, RESULT_LOAD), "one");
	engine_call("PEXPIRE", "s:k", "3000000", NULL); /* 50 of the 60 minutes of staleness */
	struct result *loads = begin(&request, RESULT_LOAD);
	has(loads, "one");
	struct result *uses = begin(&request, RESULT_STALE);
	has(uses, "one");
	ck_assert_int_eq(result_ttl_ms(uses), 0);
	ck_assert_int_eq(result_age_seconds(uses), 610);
	result_end(uses);
	result_fail(loads, NULL);
	ck_assert_int_eq(result_state(loads), RESULT_STALE);
	has(loads, "one");
	result_end(loads);
	finish(begin(&request, RESULT_LOAD), "two");
	uses = begin(&request, RESULT_HIT);
	has(uses, "two");
	result_end(uses);
	ck_assert_uint_eq(engine.cache.stale_served, 2);
}

TEST_CALL(a_stale_value_serves_all_but_the_caller_that_loads, engine_run(soft, stale_values))

/* A load that takes far longer than the value lives: the odds against an early refresh are 10^8. */
static void early(void)
{
	struct result_request request = asking("k");

	request.ttl_ms = 60000;
	finish(begin(&request, RESULT_LOAD), "one");
	result_end(begin(&request, RESULT_HIT));
	request.usual_load_ms = 6000000000000;
	struct result *result = begin(&request, RESULT_LOAD);
	has(result, "one");
	/* One is enough. */
	result_end(begin(&request, RESULT_HIT));
	result_fail(result, NULL);
	ck_assert_int_eq(result_state(result), RESULT_HIT);
	result_end(result);
}

TEST_CALL(near_its_end_a_value_is_refreshed_early, engine_run("", early))

/* One waiter of a process asks Redis for all; where its time is over, another one goes on. */
static void poller_leaves(void)
{
	struct other hasty = {.request = asking("k")}, patient = hasty;
	struct fiber_group first, second;

	engine_call("SET", "cw:lease:{0}:k", "another daemon's", NULL);
	fiber_group_init(&first, "test", engine.cache.loop);
	fiber_group_init(&second, "test", engine.cache.loop);
	hasty.request.deadline = clock_deadline(100);
	fiber_spawn(&first, "hasty", wait_for_it, &hasty);
	await_waiters(1);
	fiber_spawn(&second, "patient", wait_for_it, &patient);
	ck_assert_int_eq(fiber_group_join(&first, clock_deadline(5000)), OK);
	ck_assert_int_eq(hasty.error, ERR_TIMEOUT);
	engine_call("SET", "k", "theirs", NULL);
	engine_call("DEL", "cw:lease:{0}:k", NULL, NULL);
	ck_assert_int_eq(fiber_group_join(&second, clock_deadline(5000)), OK);
	ck_assert_int_eq(patient.error, OK);
	has(patient.result, "theirs");
	result_end(patient.result);
}

TEST_CALL(another_waiter_polls_when_the_one_that_polled_has_left, engine_run("", poller_leaves))

static void away(void)
{
	const struct result_request request = asking("k");
	struct fault fault;
	struct slice text;

	server_kill(&engine_server);
	struct result *result = begin(&request, RESULT_BYPASS);
	result_finish(result, SLICE("one"), &fault);
	ck_assert_int_eq(result_state(result), RESULT_BYPASS);
	ck_assert(result_value(result, &text) && slice_is(text, "one"));
	result_end(result);
}

TEST_CALL(without_redis_every_caller_loads, engine_run("", away))

/* That there is nothing is only for those to know who asked to remember it. */
static void absence(void)
{
	const struct fault nothing = {.error = ERR_NO_VALUE, .detail = "there is none"};
	struct result_request request = asking("k");

	request.absent_ms = 60000;
	struct result *result = begin(&request, RESULT_LOAD);
	result_fail(result, &nothing);
	result_end(result);
	result = begin(&request, RESULT_ABSENT);
	ck_assert_str_eq(result_absent(result)->detail, "there is none");
	has(result, NULL);
	result_end(result);
	request.absent_ms = 0;
	result_end(begin(&request, RESULT_LOAD));
	/* Nor for those who find a value. */
	request.absent_ms = 60000;
	engine_call("SET", "k", "theirs", NULL);
	result_end(begin(&request, RESULT_HIT));
}

TEST_CALL(an_absence_is_remembered_where_absent_for_is_set, engine_run("", absence))

static enum error crowd_wait(void)
{
	struct fault fault;

	return results_wait(&engine.cache, SLICE("k"), "", clock_deadline(60000), &fault);
}

static void one_of_the_crowd(void *argument)
{
	*(enum error *)argument = crowd_wait();
}

static void crowd(void)
{
	enum error *errors = mem_array(RESULT_MAX_WAITERS, sizeof *errors);
	struct fiber_group group;

	engine_call("SET", "cw:lease:{0}:k", "another daemon's", NULL);
	fiber_group_init(&group, "test", engine.cache.loop);
	for (size_t i = 0; i < RESULT_MAX_WAITERS; i++)
		fiber_spawn(&group, "other", one_of_the_crowd, &errors[i]);
	while (results_waiting(engine.cache.results) < RESULT_MAX_WAITERS)
		fiber_yield();
	ck_assert_int_eq(crowd_wait(), ERR_OVERLOADED);
	results_wake(&engine.cache, SLICE("k"), NULL);
	ck_assert_int_eq(fiber_group_join(&group, clock_deadline(60000)), OK);
	for (size_t i = 0; i < RESULT_MAX_WAITERS; i++)
		ck_assert_int_eq(errors[i], OK);
	ck_assert_uint_eq(results_waiting(engine.cache.results), 0);
	mem_free(errors);
}

TEST_CALL(the_number_of_waiters_is_bounded, engine_run("", crowd))

TEST_SUITE("result", an_absence_is_remembered_where_absent_for_is_set,
	the_number_of_waiters_is_bounded, a_loaded_value_is_a_hit_for_the_next_caller,
	other_callers_wait_for_the_one_that_loads, waiters_of_a_load_share_its_error,
	after_a_failed_load_the_next_caller_loads,
	a_stale_value_serves_all_but_the_caller_that_loads, near_its_end_a_value_is_refreshed_early,
	without_redis_every_caller_loads, another_waiter_polls_when_the_one_that_polled_has_left)
