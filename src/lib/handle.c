/* SPDX-License-Identifier: MIT */
/* Opening and closing a handle, which is an engine and the loop it runs on. */
#include <assert.h>
#include <string.h>

#include "engine/engine.h"
#include "lib/handle.h"

enum { close_ms = 1000 };

static enum error load_conf(
	const struct cw_options *options, struct conf **ret, struct fault *fault)
{
	const struct conf_origin origin = {
		.path = options->config, .redis_url = options->url, .embedded = true};
	struct buf faults = {0};
	enum error error = conf_load_from(&origin, ret, &faults);

	/* The first line, because a message is one line. */
	if (error)
		fault_set(fault, error, "%.*s", (int)strcspn(faults.p, "\n"), faults.p);
	buf_release(&faults);
	if (!error && (*ret)->redis.kind == REDIS_URL_MANAGED) {
		conf_unref(*ret);
		error = fault_set(fault, ERR_BAD_CONFIG,
			"redis.url is managed:, which only a daemon can use; give the library the "
			"URL of a server, such as redis://localhost:6379/0");
	}
	return error;
}

/* The program may use all its keys; without `admin` it is only guarded against accidents. */
static unsigned scopes_of(const struct cw_options *options)
{
	unsigned scopes = SCOPE_READ | SCOPE_KEYS | SCOPE_WRITE | SCOPE_INVALIDATE | SCOPE_SESSIONS;

	return options->admin ? scopes | SCOPE_FLUSH | SCOPE_ADMIN : scopes;
}

static struct cw_cache *cache_new(const struct cw_options *options, struct conf *conf)
{
	struct cw_cache *handle = mem_new(struct cw_cache);
	struct loop *loop = loop_new();
	struct event_bus *bus = event_bus_new();
	struct metrics *metrics = metrics_new();

	handle->hook = (struct mem_hook){options->out_of_memory, options->context};
	handle->who = (struct identity){.name = "libcachewarden", .scopes = scopes_of(options)};
	engine_init(&handle->engine, loop, bus, metrics,
		store_new(&(struct redis_node_options){
			.loop = loop, .bus = bus, .metrics = metrics, .conf = &conf->redis}),
		conf);
	guard_init(&handle->guard, conf, &handle->who);
	fiber_group_init(&handle->calls, "calls", loop);
	uv_timer_init(loop_uv(loop), &handle->alarm);
	handle->alarm.data = handle;
	conf_unref(conf);
	return handle;
}

struct cw_cache *cw_open(const struct cw_options *options, struct cw_error *error)
{
	static const struct cw_options defaults;
	struct cw_cache *handle = NULL;
	struct fault fault = {0};
	struct conf *conf;

	if (!options)
		options = &defaults;
	const struct mem_hook hook = {options->out_of_memory, options->context};
	const struct mem_hook *before = mem_use_hook(&hook);

	if (load_conf(options, &conf, &fault) == OK)
		handle = cache_new(options, conf);
	mem_use_hook(before);
	status_set(error, &fault);
	return handle;
}

struct ending {
	struct cw_cache *handle;
	bool done;
};

static void ending_fiber(void *argument)
{
	struct ending *ending = argument;
	struct engine *engine = &ending->handle->engine;

	/* Cancelled fibers wait in cleanup sections only. */
	fiber_cleanup_limit(engine->cache.loop, clock_deadline(close_ms));
	engine_stop(engine, DEADLINE_NONE);
	store_free(engine->cache.store);
	ending->done = true;
	loop_stop(engine->cache.loop);
}

void cw_close(struct cw_cache *handle)
{
	struct ending ending = {.handle = handle};
	struct call_guard guard;

	if (!handle)
		return;
	/* Not from a loader: its load would have no end. */
	assert(!handle->inside && !handle->loading);
	struct engine engine = handle->engine;

	call_enter(&handle->hook, &guard);
	fiber_spawn(&handle->calls, "end", ending_fiber, &ending);
	while (!ending.done)
		loop_turn(engine.cache.loop, true);
	engine_release(&handle->engine);
	uv_close((uv_handle_t *)&handle->alarm, NULL);
	loop_free(engine.cache.loop);
	event_bus_free(engine.cache.bus);
	metrics_free(engine.cache.metrics);
	call_leave(&guard);
	mem_free(handle);
}

static enum error ping(struct cw_cache *handle, void *args, struct fault *fault)
{
	(void)args;
	return store_command(
		handle->engine.cache.store, slice_of("", 0), NULL, fault, SLICE("PING"));
}

enum cw_status cw_ping(struct cw_cache *handle, struct cw_error *error)
{
	return call_run(handle, ping, NULL, error);
}
