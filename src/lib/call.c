/* SPDX-License-Identifier: MIT */
/*
 * One call: the loop turns until the fiber of the call has ended; see handle.h.
 *
 *	enter -> events since the last call -> fiber, to its end -> until Redis owes no reply
 *	-> leave
 *
 * The loop rests between calls, while time passes. So a call waits for the replies to all commands,
 * whose deadlines would have passed when the loop turns again; and where the breaker was open, a
 * call awaits one attempt to connect before it believes that Redis is away.
 */
#include <assert.h>
#include <pthread.h>
#include <signal.h>

#include "lib/handle.h"

/* After an attempt to connect that timed out, calls do not wait for ten times that long. */
enum { pause_factor = 10 };

struct call {
	struct cw_cache *handle;
	enum call_kind kind;
	call_function *run;
	void *args;
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
	/* A signal that was pending before is the program's. */
	if (!guard->pipe_pending)
		sigtimedwait(&pipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &guard->mask, NULL);
	mem_use_hook(guard->hook);
}

/*
 * Refuses a newer layout of cachewarden's keys, and a Redis that is away. If the ACL does not let
 * us read the layout, the program's own keys are still allowed.
 */
static enum error check_layout(struct cw_cache *handle, struct fault *fault)
{
	if (handle->layout_judged)
		return OK;
	enum error error = cache_check_layout(&handle->engine.cache, fault);

	/* Calls that need a primary are refused by the store. */
	if (error == ERR_NOT_PRIMARY || error == ERR_CLUSTER_NODE)
		return OK;
	if (error == ERR_CONFLICT || error_redis(error) == ERROR_REDIS_NO_ANSWER ||
		error_redis(error) == ERROR_REDIS_NOT_SERVING)
		return error;
	handle->layout_judged = true;
	return OK;
}

static void call_fiber(void *argument)
{
	struct call *call = argument;
	enum error error =
		call->kind == CALL_FINISH ? OK : check_layout(call->handle, &call->fault);

	if (!error || (call->kind == CALL_OFFLINE && error != ERR_CONFLICT))
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

/* If the breaker is open, waits for the end of one attempt to connect. */
static void look_again(struct cw_cache *handle)
{
	const struct conf_redis *conf = &handle->engine.cache.conf->redis;
	struct redis_state before = store_state(handle->engine.cache.store), now = before;

	if (before.breaker == BREAKER_CLOSED || clock_mono_ms() < handle->look_again_at_ms)
		return;
	handle->alarmed = false;
	uv_timer_start(&handle->alarm, alarm_fired, (uint64_t)conf->connect_timeout_ms, 0);
	while (!handle->alarmed && now.breaker != BREAKER_CLOSED &&
		now.connection_failures == before.connection_failures) {
		loop_turn(handle->engine.cache.loop, true);
		now = store_state(handle->engine.cache.store);
	}
	uv_timer_stop(&handle->alarm);
	handle->look_again_at_ms =
		clock_deadline(handle->alarmed ? pause_factor * conf->connect_timeout_ms
					       : conf->breaker_probe_every_ms);
}

/* Waits for replies that the call did not wait for, at most a command's timeout. */
static void await_replies(struct cw_cache *handle)
{
	struct loop *loop = handle->engine.cache.loop;
	int64_t deadline = cache_deadline(&handle->engine.cache);

	while ((loop_busy(loop) || !store_quiet(handle->engine.cache.store)) &&
		clock_mono_ms() < deadline)
		loop_turn(loop, !loop_busy(loop));
}

/* If the breaker has just opened, the next call need not try at once. */
static void note_breaker(struct cw_cache *handle)
{
	if (store_state(handle->engine.cache.store).breaker == BREAKER_CLOSED)
		handle->look_again_at_ms = 0;
	else if (!handle->look_again_at_ms)
		handle->look_again_at_ms =
			clock_deadline(handle->engine.cache.conf->redis.breaker_probe_every_ms);
}

enum cw_status call_run_as(enum call_kind kind, struct cw_cache *handle, call_function *function,
	void *args, struct cw_error *error)
{
	struct call call = {.handle = handle, .kind = kind, .run = function, .args = args};
	struct call_guard guard;

	/* Called by another thread, or by the out_of_memory function. */
	assert(!handle->inside);
	handle->inside = true;
	call_enter(&handle->hook, &guard);
	loop_turn(handle->engine.cache.loop, false);
	look_again(handle);
	fiber_spawn(&handle->calls, "call", call_fiber, &call);
	while (!call.done)
		loop_turn(handle->engine.cache.loop, true);
	await_replies(handle);
	note_breaker(handle);
	call_leave(&guard);
	handle->inside = false;
	return status_set(error, &call.fault);
}

enum cw_status call_run(
	struct cw_cache *handle, call_function *function, void *args, struct cw_error *error)
{
	return call_run_as(CALL_NORMAL, handle, function, args, error);
}
