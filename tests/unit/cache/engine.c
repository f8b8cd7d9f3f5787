/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"
#include "engine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "config.h"
#include "invalidate/pass.h"
#include "text/json.h"

struct server engine_server;
struct engine engine;

static void script_fiber(void *argument)
{
	void (*script)(void) = *(void (**)(void))argument;
	struct loop *loop = engine.cache.loop;

	script();
	/* Whoever waited for a pass, or left before it, is not counted any more. */
	ck_assert_uint_eq(pass_queue_waiting(invalidator_queue(engine.invalidator)), 0);
	ck_assert_uint_eq(pass_queue_running(invalidator_queue(engine.invalidator)), 0);
	engine_stop(&engine, clock_deadline(10000));
	store_free(engine.cache.store);
	loop_stop(loop);
}

void engine_run_with(const char *option, const char *value, const char *yaml, void (*script)(void))
{
	char text[4096];
	struct fiber_group group;

	signal(SIGPIPE, SIG_IGN);
	server_start(&engine_server, option, value);
	snprintf(text, sizeof text, "redis: {url: \"unix://%s\", command_timeout: 10s}\n%s",
		engine_server.socket, yaml);
	struct conf *conf = config_of(text);
	struct loop *loop = loop_new();
	struct event_bus *bus = event_bus_new();
	struct metrics *metrics = metrics_new();
	struct redis_node_options options = {
		.loop = loop, .bus = bus, .metrics = metrics, .conf = &conf->redis};
	engine_init(&engine, loop, bus, metrics, store_new(&options), conf);
	fiber_group_init(&group, "test", loop);
	fiber_spawn(&group, "script", script_fiber, &script);
	loop_run(loop);
	ck_assert_uint_eq(group.count, 0);
	engine_release(&engine);
	conf_unref(conf);
	loop_free(loop);
	event_bus_free(bus);
	metrics_free(metrics);
	server_end(&engine_server);
}

void engine_run(const char *yaml, void (*script)(void))
{
	engine_run_with(NULL, NULL, yaml, script);
}

static void wait_until_up(void)
{
	for (int i = 0; i < 200 && store_state(engine.cache.store).status != REDIS_UP; i++)
		fiber_sleep(10);
}

static void set_some(struct redis_batch *batch, const char *format, int from, int count)
{
	char key[256];

	redis_batch_clear(batch);
	for (int i = from; i < from + count; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		int n = snprintf(key, sizeof key, format, i);
#pragma GCC diagnostic pop
		REDIS_ADD(batch, SLICE("SET"), slice_of(key, (size_t)n), SLICE("value"));
	}
	enum error error = redis_node_run(store_node(engine.cache.store, SLICE("")), REDIS_BULK,
		batch, clock_deadline(20000), NULL);
	ck_assert_int_eq(error, OK);
}

void engine_fill(const char *format, int from, int count)
{
	struct redis_batch *batch = redis_batch_new();

	wait_until_up();
	for (int i = 0; i < count; i += 1000)
		set_some(batch, format, from + i, count - i < 1000 ? count - i : 1000);
	redis_batch_free(batch);
}

int64_t engine_call(const char *a, const char *b, const char *c, const char *d)
{
	const char *words[] = {a, b, c, d};
	struct slice argv[4];
	struct redis_value *reply = NULL;
	struct fault fault = {0};
	size_t argc = 0;

	wait_until_up();
	while (argc < 4 && words[argc]) {
		argv[argc] = slice_str(words[argc]);
		argc++;
	}
	enum error error = store_call(
		engine.cache.store, (struct redis_call){0}, SLICE(""), argc, argv, &reply, &fault);
	ck_assert_msg(error == OK, "%s: %s", a, fault.detail);
	int64_t integer = reply->integer;
	redis_value_free(reply);
	return integer;
}

struct operation *engine_invalidate(struct invalidation *asked)
{
	struct operation *operation = NULL;
	struct fault fault = {0};

	wait_until_up();
	enum error error = invalidator_begin(engine.invalidator, asked, &operation, &fault);
	ck_assert_msg(error == OK, "%s: %s", fault.pointer, fault.detail);
	ck_assert_int_eq(operation_wait(operation, clock_deadline(60000)), OK);
	return operation;
}

const struct invalidation_result *engine_result(const struct operation *operation)
{
	const struct invalidation_result *result = operation_result(operation);

	ck_assert_ptr_nonnull(result);
	return result;
}

const char *engine_reason(const struct operation *operation)
{
	const char *reason = invalidation_result_reason(engine_result(operation));

	return reason ? reason : "";
}
