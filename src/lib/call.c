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
	struct cw_cache *cache;
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
static enum error judge_layout(struct cw_cache *cache, struct fault *fault)
{
	if (cache->layout_judged)
		return OK;
	enum error error = cw_check_layout(&cache->engine, fault);

	/* The call itself is refused then, if it needs a primary. */
	if (error == ERR_NOT_PRIMARY || error == ERR_CLUSTER_NODE)
		return OK;
	if (error == ERR_CONFLICT || error_redis(error) == ERROR_REDIS_LOST ||
		error_redis(error) == ERROR_REDIS_AWAY)
		return error;
	cache->layout_judged = true;
	return OK;
}

static void call_fiber(void *argument)
{
	struct call *call = argument;
	enum error error = call->always ? OK : judge_layout(call->cache, &call->fault);

	if (!error || (call->anyway && error != ERR_CONFLICT))
		error = call->run(call->cache, call->args, &call->fault);
	if (!error)
		call->fault.error = OK;
	else if (call->fault.error != error)
		fault_set(&call->fault, error, "%s", error_title(error));
	call->done = true;
	loop_stop(call->cache->engine.loop);
}

static void alarm_fired(uv_timer_t *timer)
{
	struct cw_cache *cache = timer->data;

	cache->alarmed = true;
}

static void look_again(struct cw_cache *cache)
{
	const struct conf_redis *conf = &cache->engine.conf->redis;
	struct redis_state before = redis_store_state(cache->engine.store), now = before;

	if (before.breaker == BREAKER_CLOSED || clock_mono_ms() < cache->look_again_ms)
		return;
	cache->alarmed = false;
	uv_timer_start(&cache->alarm, alarm_fired, (uint64_t)conf->connect_timeout_ms, 0);
	while (!cache->alarmed && now.breaker != BREAKER_CLOSED &&
		now.connection_failures == before.connection_failures) {
		loop_turn(cache->engine.loop, true);
		now = redis_store_state(cache->engine.store);
	}
	uv_timer_stop(&cache->alarm);
	cache->look_again_ms =
		clock_deadline(cache->alarmed ? rest_factor * conf->connect_timeout_ms
					      : conf->breaker_probe_every_ms);
}

/* What the call left behind is answered within the commands' own timeouts. */
static void quieten(struct cw_cache *cache)
{
	struct loop *loop = cache->engine.loop;
	int64_t deadline = cw_deadline(&cache->engine);

	while ((loop_busy(loop) || !redis_store_quiet(cache->engine.store)) &&
		clock_mono_ms() < deadline)
		loop_turn(loop, !loop_busy(loop));
}

/* A breaker that has just opened speaks of now. */
static void note_breaker(struct cw_cache *cache)
{
	if (redis_store_state(cache->engine.store).breaker == BREAKER_CLOSED)
		cache->look_again_ms = 0;
	else if (!cache->look_again_ms)
		cache->look_again_ms =
			clock_deadline(cache->engine.conf->redis.breaker_probe_every_ms);
}

static enum cw_status run(struct call *call, struct cw_error *error)
{
	struct cw_cache *cache = call->cache;
	struct call_guard guard;

	/* Another thread, or the out_of_memory function. */
	assert(!cache->inside);
	cache->inside = true;
	call_enter(&cache->hook, &guard);
	loop_turn(cache->engine.loop, false);
	look_again(cache);
	fiber_spawn(&cache->calls, "call", call_fiber, call);
	while (!call->done)
		loop_turn(cache->engine.loop, true);
	quieten(cache);
	note_breaker(cache);
	call_leave(&guard);
	cache->inside = false;
	return status_set(error, &call->fault);
}

enum cw_status call_run(
	struct cw_cache *cache, call_function *function, void *args, struct cw_error *error)
{
	struct call call = {.cache = cache, .run = function, .args = args};

	return run(&call, error);
}

enum cw_status call_run_anyway(
	struct cw_cache *cache, call_function *function, void *args, struct cw_error *error)
{
	struct call call = {.cache = cache, .run = function, .args = args, .anyway = true};

	return run(&call, error);
}

enum cw_status call_run_always(
	struct cw_cache *cache, call_function *function, void *args, struct cw_error *error)
{
	struct call call = {.cache = cache, .run = function, .args = args, .always = true};

	return run(&call, error);
}
