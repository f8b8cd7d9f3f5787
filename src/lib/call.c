/* SPDX-License-Identifier: MIT */
/*
 * One call: the loop turns until the call's fiber has ended; see handle.h.
 *
 *	enter -> what happened meanwhile -> fiber until it ends -> until the wire is quiet -> leave
 *
 * Special: the loop rests between calls, and time goes on. So no command is left without its answer
 * when it goes to rest (its deadline would have passed when the loop goes on), and a Redis that was
 * away is looked at again before the breaker's word is taken for what is true now.
 */
#include <assert.h>
#include <pthread.h>
#include <signal.h>

#include "lib/handle.h"

/* After a look that came to nothing, calls are not held up for ten times as long. */
enum { rest_factor = 10 };

struct call {
	struct cw_cache *handle;
	call_function *run;
	void *args;
	bool anyway, always;
	bool done;
	struct fault fault;
};

static void pipe_set(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGPIPE);
}

void call_enter(const struct mem_hook *hook, struct call_guard *guard)
{
	sigset_t pipe, pending;

	pipe_set(&pipe);
	guard->hook = mem_use_hook(hook);
	pthread_sigmask(SIG_BLOCK, &pipe, &guard->mask);
	sigpending(&pending);
	guard->pipe_pending = sigismember(&pending, SIGPIPE) == 1;
}

void call_leave(const struct call_guard *guard)
{
	const struct timespec at_once = {0};
	sigset_t pipe;

	pipe_set(&pipe);
	/* One that waited before is the program's own. */
	if (!guard->pipe_pending)
		sigtimedwait(&pipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &guard->mask, NULL);
	mem_use_hook(guard->hook);
}

/*
 * A newer layout of our own keys is refused. Whether Redis is away is the call's own business; who
 * may not read our keys' layout may still read his.
 */
static enum error judge_layout(struct cw_cache *handle, struct fault *fault)
{
	if (handle->layout_judged)
		return OK;
	enum error error = cache_check_layout(&handle->engine.cache, fault);

	/* The call itself is refused then, if it needs a primary. */
	if (error == ERR_NOT_PRIMARY || error == ERR_CLUSTER_NODE)
		return OK;
	if (error == ERR_CONFLICT || error_redis(error) == ERROR_REDIS_LOST ||
		error_redis(error) == ERROR_REDIS_AWAY)
		return error;
	handle->layout_judged = true;
	return OK;
}

static void call_fiber(void *argument)
{
	struct call *call = argument;
	enum error error = call->always ? OK : judge_layout(call->handle, &call->fault);

	if (!error || (call->anyway && error != ERR_CONFLICT))
		error = call->run(call->handle, call->args, &call->fault);
	if (!error)
		call->fault.error = OK;
	else if (call->fault.error != error)
		fault_set(&call->fault, error, "%s", error_title(error));
	call->done = true;
	loop_stop(call->handle->engine.cache.loop);
}

static void alarm_fired(uv_timer_t *timer)
{
	struct cw_cache *handle = timer->data;

	handle->alarmed = true;
}

static void look_again(struct cw_cache *handle)
{
	const struct conf_redis *conf = &handle->engine.cache.conf->redis;
	struct redis_state before = redis_store_state(handle->engine.cache.store), now = before;

	if (before.breaker == BREAKER_CLOSED || clock_mono_ms() < handle->look_again_ms)
		return;
	handle->alarmed = false;
	uv_timer_start(&handle->alarm, alarm_fired, (uint64_t)conf->connect_timeout_ms, 0);
	while (!handle->alarmed && now.breaker != BREAKER_CLOSED &&
		now.connection_failures == before.connection_failures) {
		loop_turn(handle->engine.cache.loop, true);
		now = redis_store_state(handle->engine.cache.store);
	}
	uv_timer_stop(&handle->alarm);
	handle->look_again_ms =
		clock_deadline(handle->alarmed ? rest_factor * conf->connect_timeout_ms
					       : conf->breaker_probe_every_ms);
}

/* What the call left behind is answered within the commands' own timeouts. */
static void quieten(struct cw_cache *handle)
{
	struct loop *loop = handle->engine.cache.loop;
	int64_t deadline = cache_deadline(&handle->engine.cache);

	while ((loop_busy(loop) || !redis_store_quiet(handle->engine.cache.store)) &&
		clock_mono_ms() < deadline)
		loop_turn(loop, !loop_busy(loop));
}

/* A breaker that has just opened speaks of now. */
static void note_breaker(struct cw_cache *handle)
{
	if (redis_store_state(handle->engine.cache.store).breaker == BREAKER_CLOSED)
		handle->look_again_ms = 0;
	else if (!handle->look_again_ms)
		handle->look_again_ms =
			clock_deadline(handle->engine.cache.conf->redis.breaker_probe_every_ms);
}

static enum cw_status run(struct call *call, struct cw_error *error)
{
	struct cw_cache *handle = call->handle;
	struct call_guard guard;

	/* Another thread, or the out_of_memory function. */
	assert(!handle->inside);
	handle->inside = true;
	call_enter(&handle->hook, &guard);
	loop_turn(handle->engine.cache.loop, false);
	look_again(handle);
	fiber_spawn(&handle->calls, "call", call_fiber, call);
	while (!call->done)
		loop_turn(handle->engine.cache.loop, true);
	quieten(handle);
	note_breaker(handle);
	call_leave(&guard);
	handle->inside = false;
	return status_set(error, &call->fault);
}

enum cw_status call_run(
	struct cw_cache *handle, call_function *function, void *args, struct cw_error *error)
{
	struct call call = {.handle = handle, .run = function, .args = args};

	return run(&call, error);
}

enum cw_status call_run_anyway(
	struct cw_cache *handle, call_function *function, void *args, struct cw_error *error)
{
	struct call call = {.handle = handle, .run = function, .args = args, .anyway = true};

	return run(&call, error);
}

enum cw_status call_run_always(
	struct cw_cache *handle, call_function *function, void *args, struct cw_error *error)
{
	struct call call = {.handle = handle, .run = function, .args = args, .always = true};

	return run(&call, error);
}
