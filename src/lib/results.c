/* SPDX-License-Identifier: MIT */
/*
 * Read-through with a loader of the program.
 *
 *	call: begin -> a value, or the lease to load it
 *	on the program's stack: loader
 *	call: finish or fail -> end
 *
 * The keys being loaded are kept in the handle, so that a loader that asks for its own key gets an
 * error instead of waiting for itself.
 */
#include "cache/result.h"

#include <inttypes.h>
#include <stdarg.h>

#include "lib/args.h"

enum {
	default_load_ms = 30000,
	spare_ms = 5000,
	smoothing = 4,
	max_absent_s = 3650 * 24 * 3600,
};

struct cw_output {
	struct buf bytes;
	const struct mem_hook *hook;
	bool absent;
};

void cw_output_absent(struct cw_output *output)
{
	output->absent = true;
}

void cw_output_add(struct cw_output *output, const void *data, size_t size)
{
	const struct mem_hook *before = mem_use_hook(output->hook);

	buf_append(&output->bytes, data, size);
	mem_use_hook(before);
}

void cw_output_printf(struct cw_output *output, const char *format, ...)
{
	const struct mem_hook *before = mem_use_hook(output->hook);
	va_list args;

	va_start(args, format);
	buf_vprintf(&output->bytes, format, args);
	va_end(args);
	mem_use_hook(before);
}

/* One cw_result(), from its beginning to its end. */
struct result_call {
	struct loading loading;
	const struct cw_load *how;
	struct cw_value *ret;
	struct slice *tags;
	struct result_request request;
	struct result *result;
	struct cw_output output;
	bool loaded;
};

static int64_t usual_ms(const struct cw_cache *handle, cw_loader *load)
{
	for (size_t i = 0; i < USUAL_LOADS; i++)
		if (handle->usual_loads[i].load == load)
			return handle->usual_loads[i].ms;
	return 0;
}

static void note_load(struct cw_cache *handle, cw_loader *load, int64_t ms)
{
	for (size_t i = 0; i < USUAL_LOADS; i++) {
		struct usual_load *usual = &handle->usual_loads[i];

		if (usual->load != load)
			continue;
		usual->ms += (ms - usual->ms) / smoothing;
		return;
	}
	handle->usual_loads[handle->next_usual_load++ % USUAL_LOADS] =
		(struct usual_load){load, ms};
}

static enum error check(struct cw_cache *handle, struct result_call *call, struct fault *fault)
{
	const struct cw_load *how = call->how;
	int64_t load_ms = how->timeout_ms ? how->timeout_ms : default_load_ms;
	enum error error = args_check_key(handle, call->loading.key, fault);

	for (struct loading *at = handle->loading; at && !error; at = at->outer)
		if (slice_equal(args_slice(at->key), args_slice(call->loading.key)))
			error = fault_set(fault, ERR_BAD_PARAMETER,
				"the loader of this key called cw_result() for the same key");
	if (!error && (load_ms < 1 || load_ms > LEASE_MAX_MS))
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"a timeout of %" PRId64 " ms is not between 1 and %d ms", load_ms,
			LEASE_MAX_MS);
	if (!error)
		error = args_check_ttl(how->ttl, &call->request.ttl_ms, fault);
	if (!error)
		error = args_check_tags(how->tags, fault);
	if (!error && (how->absent_for < 0 || how->absent_for > max_absent_s))
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"absent_for is %" PRId64 " s; 0 (not remembered) to 10 years are allowed",
			how->absent_for);
	call->request.absent_ms = how->absent_for * 1000;
	call->request.load_ms = load_ms;
	return error;
}

static void take_value(struct result_call *call)
{
	static const enum cw_origin origins[] = {
		[RESULT_HIT] = CW_HIT,
		[RESULT_STALE] = CW_STALE,
		[RESULT_LOAD] = CW_STALE,
		[RESULT_MISS] = CW_MISS,
		[RESULT_BYPASS] = CW_BYPASS,
		[RESULT_ABSENT] = CW_HIT,
	};
	struct slice value;

	if (!result_value(call->result, &value))
		return;
	value_copy(value, call->ret);
	call->ret->origin = origins[result_state(call->result)];
	call->ret->ttl = value_ttl(result_ttl_ms(call->result));
	if (call->ret->ttl == -2)
		call->ret->ttl = 0;
}

/* Whether this call has to run the loader. */
static bool must_load(const struct result *result)
{
	return result_state(result) == RESULT_LOAD || result_state(result) == RESULT_BYPASS;
}

static enum error remembered(const struct result_call *call, struct fault *fault)
{
	*fault = *result_absent(call->result);
	return ERR_NO_VALUE;
}

static enum error begin(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct result_call *call = args;
	struct result_request *request = &call->request;
	enum error error = check(handle, call, fault);

	if (error)
		return error;
	call->tags = args_slices(call->how->tags);
	request->key = args_slice(call->loading.key);
	request->tags = call->tags;
	request->tag_count = call->how->tags.count;
	request->usual_load_ms = usual_ms(handle, call->how->load);
	request->deadline = clock_deadline(request->load_ms + spare_ms);
	error = result_begin(&handle->engine.cache, request, &call->result, fault);
	if (error || must_load(call->result))
		return error;
	if (result_state(call->result) == RESULT_ABSENT)
		error = remembered(call, fault);
	else
		take_value(call);
	result_end(call->result);
	call->result = NULL;
	return error;
}

/* The TTL of the value that was just stored, in seconds. */
static int64_t stored_ttl(const struct cw_cache *handle, const struct result_call *call)
{
	const struct result_request *request = &call->request;
	int64_t ms = request->ttl_ms;

	return value_ttl(ms ? ms : conf_ttl_ms(handle->engine.cache.conf, request->key));
}

/* Stores the loaded value, and gives it to the program. Parks. */
static void keep(struct cw_cache *handle, struct result_call *call)
{
	struct fault not_stored;

	result_finish(call->result, buf_slice(&call->output.bytes), &not_stored);
	take_value(call);
	call->ret->ttl = 0;
	if (call->ret->origin == CW_MISS && !not_stored.error)
		call->ret->ttl = stored_ttl(handle, call);
}

/* The load failed: others that wait get its error, the program a stale value if there is one.
 * Parks. */
static enum error give_up(struct result_call *call, struct fault *fault)
{
	enum error error = call->output.absent
				   ? fault_set(fault, ERR_NO_VALUE,
					     "the loader reported that there is no such value")
				   : fault_set(fault, ERR_SOURCE_FAILED,
					     "the loader failed, and there is no stale value");

	result_fail(call->result, fault);
	if (error == ERR_NO_VALUE)
		return error;
	take_value(call);
	return call->ret->data ? OK : error;
}

static enum error end(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct result_call *call = args;
	enum error error = OK;

	if (call->loaded && !call->output.absent)
		keep(handle, call);
	else
		error = give_up(call, fault);
	result_end(call->result);
	return error;
}

static void load(struct cw_cache *handle, struct result_call *call)
{
	int64_t began = clock_mono_ms();

	call->loading.outer = handle->loading;
	handle->loading = &call->loading;
	call->loaded = call->how->load(call->how->context, &call->output);
	handle->loading = call->loading.outer;
	if (call->loaded)
		note_load(handle, call->how->load, clock_mono_ms() - began);
}

enum cw_status cw_result(struct cw_cache *handle, struct cw_bytes key, const struct cw_load *how,
	struct cw_value *ret, struct cw_error *error)
{
	struct result_call call = {
		.loading = {.key = key}, .how = how, .ret = ret, .output = {.hook = &handle->hook}};

	*ret = (struct cw_value){0};
	enum cw_status status = call_run_as(CALL_OFFLINE, handle, begin, &call, error);
	if (!status && call.result) {
		load(handle, &call);
		status = call_run_as(CALL_FINISH, handle, end, &call, error);
	}
	buf_release(&call.output.bytes);
	mem_free(call.tags);
	return status;
}
