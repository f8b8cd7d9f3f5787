/* SPDX-License-Identifier: MIT */
/* Requests for values, loads, and waiting for loads; see loader.h. */
#include "warm/loader.h"

#include "base/mem.h"
#include "warm/loader_internal.h"

/* Each load moves the average by an eighth of the difference, as TCP does (RFC 6298). */
static const double average_share = 0.125;
enum { cleanup_ms = 5000 };

struct loaders *loaders_new(struct cache *cache, struct log *log, struct sources *sources)
{
	struct loaders *loaders = mem_new(struct loaders);

	loaders->cache = cache;
	loaders->log = log;
	loaders->sources = sources;
	fiber_group_init(&loaders->group, "loads", cache->loop);
	return loaders;
}

void loaders_stop(struct loaders *loaders)
{
	loaders->stopping = true;
	fiber_group_stop(&loaders->group);
}

void loaders_free(struct loaders *loaders)
{
	struct loader *loader, *next;

	if (!loaders)
		return;
	HASH_ITER(hh, loaders->known, loader, next)
	{
		HASH_DELETE(hh, loaders->known, loader);
		mem_free(loader);
	}
	mem_free(loaders);
}

static void note_load(struct loader *loader, int64_t took_ns)
{
	double took_ms = (double)took_ns / 1e6;

	loader->loads++;
	loader->usual_ms = loader->usual_ms > 0
				   ? loader->usual_ms + average_share * (took_ms - loader->usual_ms)
				   : took_ms;
}

static void note_error(struct loader *loader, const struct fault *fault)
{
	loader->errors++;
	loader->last_error = *fault;
	loader->last_error_wall_ms = clock_wall_ms();
}

/* Waits until the loader may run another load. Parks. */
static enum error wait_for_room(struct loader_call *call)
{
	struct loader *loader = call->loader;
	int64_t deadline = clock_deadline(call->conf_loader->timeout_ms);
	enum error error = OK;

	while (!error && loader->running >= LOADER_MAX_LOADS)
		error = fiber_cond_wait(&loader->room, "a place among the loads", deadline);
	if (error == ERR_TIMEOUT)
		return fault_set(&call->fault, ERR_OVERLOADED,
			"%d loads of %s are running, and none ended in time", LOADER_MAX_LOADS,
			loader->name);
	if (error)
		fault_set(&call->fault, error, "the load of %s was cancelled", loader->name);
	return error;
}

/* All that wait for the load get its error, unless the reason is this daemon. Parks. */
static void fail(struct loader_call *call)
{
	const struct fault *fault = &call->fault;
	bool ours = fault->error == ERR_CANCELLED || fault->error == ERR_OVERLOADED;

	fiber_cleanup_begin(cleanup_ms);
	/* Those tell of the caller, not of the source. */
	if (fault->error != ERR_NO_VALUE && fault->error != ERR_BAD_PARAMETER) {
		log_warning(call->loaders->log, "load of %s failed: %s%s", call->loader->name,
			fault->detail, fault->aside);
		note_error(call->loader, fault);
	}
	result_fail(call->result, ours ? NULL : fault);
	fiber_cleanup_end();
}

/* Parks. */
static void run_load(struct loader_call *call)
{
	struct loader *loader = call->loader;
	struct buf value = {0};
	struct fault stored;
	int64_t began_ns;

	call->fault.error = wait_for_room(call);
	if (call->fault.error)
		goto out;
	loader->running++;
	log_debug(call->loaders->log, "load of %s begins, %zu run", loader->name, loader->running);
	began_ns = clock_mono_ns();
	call->fault.error = loader_call_value(call, &value, &call->fault);
	loader->running--;
	log_debug(call->loaders->log, "load of %s ends: %s, %zu bytes", loader->name,
		call->fault.error ? error_code(call->fault.error) : "ok", value.n);
	fiber_cond_signal(&loader->room);
	if (!call->fault.error) {
		note_load(loader, clock_mono_ns() - began_ns);
		fiber_cleanup_begin(cleanup_ms);
		result_finish(call->result, buf_slice(&value), &stored);
		fiber_cleanup_end();
	}
out:
	if (call->fault.error)
		fail(call);
	buf_release(&value);
}

/* Without Redis there are no leases; loads of the same key are joined in this process only. */
static void note_alone(struct loader_call *call)
{
	struct loaders *loaders = call->loaders;

	if (result_state(call->result) == RESULT_BYPASS)
		HASH_ADD_KEYPTR(hh, loaders->alone, call->key.p, call->key.n, call);
}

static struct loader_call *find_alone(const struct loader_call *call)
{
	struct loader_call *other = NULL;

	if (result_state(call->result) == RESULT_BYPASS)
		HASH_FIND(hh, call->loaders->alone, call->key.p, call->key.n, other);
	return other;
}

static void forget_alone(struct loader_call *call)
{
	if (find_alone(call) == call)
		HASH_DELETE(hh, call->loaders->alone, call);
}

static void load_fiber(void *argument)
{
	struct loader_call *call = argument;

	run_load(call);
	forget_alone(call);
	call->over = true;
	fiber_cond_broadcast(&call->ended);
	fiber_cleanup_begin(cleanup_ms);
	loader_call_unref(call);
	fiber_cleanup_end();
}

static enum error start_load(struct loader_call *call, struct fault *fault)
{
	struct loaders *loaders = call->loaders;

	if (loaders->stopping)
		return fault_set(fault, ERR_STOPPING, "the daemon is stopping");
	if (loaders->group.count >= LOADER_MAX_ALL)
		return fault_set(
			fault, ERR_OVERLOADED, "%d loads are running or waiting", LOADER_MAX_ALL);
	call->references++;
	note_alone(call);
	fiber_set_id(fiber_spawn(&loaders->group, "load", load_fiber, call), fiber_id());
	return OK;
}

static void hand_over(const struct loader_call *call, struct loader_result *ret)
{
	struct slice value;

	if (result_value(call->result, &value))
		buf_add(&ret->value, value);
	ret->age_seconds = result_age_seconds(call->result);
	ret->ttl_ms = result_ttl_ms(call->result);
}

/* Waits for the load, which goes on if the caller is cancelled. Parks. */
static enum error await_load(
	struct loader_call *call, struct loader_result *ret, struct fault *fault)
{
	enum error error = OK;

	fiber_wait_begin();
	while (!error && !call->over)
		error = fiber_cond_wait(&call->ended, "a load", call->request.deadline);
	fiber_wait_end();
	if (error == ERR_CANCELLED)
		return fault_set(fault, error,
			"the request was cancelled while it waited for a load of %s",
			call->loader->name);
	if (error)
		return fault_set(fault, error, "the load of %s took longer than its timeout",
			call->loader->name);
	ret->state = result_state(call->result);
	error = call->fault.error;
	/* After a failed load a stale value is still a result. */
	if (error && (error == ERR_NO_VALUE || ret->state == RESULT_LOAD ||
			     ret->state == RESULT_BYPASS)) {
		*fault = call->fault;
		return error;
	}
	hand_over(call, ret);
	return OK;
}

/* Waits for a load that another call has begun. Parks. */
static enum error join(struct loader_call *other, struct loader_result *ret, struct fault *fault)
{
	other->references++;
	enum error error = await_load(other, ret, fault);

	loader_call_unref(other);
	return error;
}

/* Parks. */
static enum error get(struct loader_call *call, struct loader_result *ret, struct fault *fault)
{
	struct slice value;
	enum error error = result_begin(call->loaders->cache, &call->request, &call->result, fault);

	if (error)
		return error;
	ret->state = result_state(call->result);
	if (ret->state == RESULT_ABSENT) {
		*fault = *result_absent(call->result);
		return ERR_NO_VALUE;
	}
	if (ret->state == RESULT_HIT || ret->state == RESULT_STALE) {
		hand_over(call, ret);
		return OK;
	}
	struct loader_call *other = find_alone(call);
	if (other)
		return join(other, ret, fault);
	if (!result_value(call->result, &value)) {
		error = start_load(call, fault);
		return error ? error : await_load(call, ret, fault);
	}
	/* There is a usable value: it is returned, and the load goes on in the background. */
	hand_over(call, ret);
	ret->state = ret->ttl_ms == 0 ? RESULT_STALE : RESULT_HIT;
	if (ret->state == RESULT_STALE)
		result_served(call->result);
	start_load(call, NULL);
	return OK;
}

static const char *word(enum error error, enum result_state state)
{
	static const char *const words[] = {
		[RESULT_HIT] = "hit",
		[RESULT_STALE] = "stale",
		[RESULT_LOAD] = "error",
		[RESULT_MISS] = "miss",
		[RESULT_BYPASS] = "bypass",
		[RESULT_ABSENT] = "error",
	};

	return error ? "error" : words[state];
}

enum error loaders_get(struct loaders *loaders, const struct loader_request *request,
	struct loader_result *ret, struct fault *fault)
{
	struct loader_call *call;
	enum error error = loader_call_new(loaders, request, &call, fault);

	*ret = (struct loader_result){.state = RESULT_LOAD};
	if (error)
		return error;
	error = get(call, ret, fault);
	loader_call_unref(call);
	log_debug(loaders->log, "result of %s: %s", request->loader->name, word(error, ret->state));
	if (loaders->cache->metrics)
		metric_add(loaders->cache->metrics, METRIC_RESULTS, request->loader->name,
			word(error, ret->state), 1);
	return error;
}

void loader_result_release(struct loader_result *result)
{
	buf_release(&result->value);
}

struct loader_state loaders_state(const struct loaders *loaders, const struct conf_loader *conf)
{
	struct loader_state state = {.breaker = sources_breaker(loaders->sources, &conf->source)};
	const struct loader *loader;

	HASH_FIND_STR(loaders->known, conf->name, loader);
	if (loader) {
		state.running = loader->running;
		state.loads = loader->loads;
		state.errors = loader->errors;
		state.average_ms = loader->usual_ms;
		state.last_error = loader->errors ? &loader->last_error : NULL;
		state.last_error_wall_ms = loader->last_error_wall_ms;
	}
	return state;
}
