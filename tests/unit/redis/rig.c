/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include "../unit.h"

struct loop *loop;
static struct fiber_group group;
struct server server;
struct conf_redis conf;
struct store *store;
struct redis_node *node;
struct metrics *metrics;
int state_events;
static struct event_bus *bus;
static struct event_subscription *subscription;

void begin(const char *option, const char *value)
{
	server_start(&server, option, value);
	conf = server_conf(&server);
	loop = loop_new();
	fiber_group_init(&group, "test", loop);
}

static void count_event(void *context, const void *data)
{
	(void)context, (void)data;
	state_events++;
}

static void open_store(void)
{
	bus = event_bus_new();
	metrics = metrics_new();
	subscription = event_subscribe(bus, EVENT_REDIS_STATE, count_event, NULL);
	struct redis_node_options options = {
		.loop = loop, .bus = bus, .metrics = metrics, .conf = &conf};

	store = store_new(&options);
	node = store_node(store, SLICE(""));
}

static void script(void *argument)
{
	void (*function)(void) = *(void (**)(void))argument;

	function();
	store_free(store);
	store = NULL;
	loop_stop(loop);
}

void run(void (*function)(void))
{
	open_store();
	fiber_spawn(&group, "script", script, &function);
	loop_run(loop);
	ck_assert_uint_eq(group.count, 0);
	loop_free(loop);
	event_unsubscribe(subscription);
	event_bus_free(bus);
	metrics_free(metrics);
	server_end(&server);
}

void set(const char *key, const char *value)
{
	struct fault fault;

	ck_assert_msg(CALL(NULL, &fault, SLICE("SET"), slice_str(key), slice_str(value)) == OK,
		"%s", fault.detail);
}

int64_t wait_for_service(int64_t max_ms)
{
	int64_t began = unit_now_ms();

	while (CALL(NULL, NULL, SLICE("PING")) != OK) {
		ck_assert_int_lt(unit_now_ms() - began, max_ms);
		fiber_sleep(5);
	}
	return unit_now_ms() - began;
}
