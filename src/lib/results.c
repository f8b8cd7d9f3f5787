/* SPDX-License-Identifier: MIT */
/*
 * Read-through with the program's own loader.
 *
 *	call: begin -> a value, or ours to load
 *	the program's stack: loader
 *	call: finish or fail -> end
 *
 * Special: what is loading stays in the handle, so that a loader that asks for its own key is told
 * so instead of waiting for itself.
 */
#include "cache/result.h"

#include <inttypes.h>
#include <stdarg.h>

#include "lib/lists.h"

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
struct reading {
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

static enum error check(struct cw_cache *handle, struct reading *reading, struct fault *fault)
{
	const struct cw_load *how = reading->how;
	int64_t load_ms = how->timeout_ms ? how->timeout_ms : default_load_ms;
	enum error error = check_key(handle, reading->loading.key, fault);

	for (struct loading *at = handle->loading; at && !error; at = at->outer)
		if (slice_equal(slice_from(at->key), slice_from(reading->loading.key)))
			error = fault_set(fault, ERR_BAD_PARAMETER,
				"the loader of this key asks for the same key");
	if (!error && (load_ms < 1 || load_ms > LEASE_MAX_MS))
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"a timeout of %" PRId64 " ms is not between 1 and %d ms", load_ms,
			LEASE_MAX_MS);
	if (!error)
		error = check_ttl(how->ttl, &reading->request.ttl_ms, fault);
	if (!error)
		error = check_tags(how->tags, fault);
	if (!error && (how->absent_for < 0 || how->absent_for > max_absent_s))
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"absent_for is %" PRId64 " s; it takes 0 (not remembered) to 10 years",
			how->absent_for);
	reading->request.absent_ms = how->absent_for * 1000;
	reading->request.load_ms = load_ms;
	return error;
}

static void take_value(struct reading *reading)
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

	if (!result_value(reading->result, &value))
		return;
	value_of(value, reading->ret);
	reading->ret->origin = origins[result_state(reading->result)];
	reading->ret->ttl = ttl_seconds(result_ttl_ms(reading->result));
	if (reading->ret->ttl == -2)
		reading->ret->ttl = 0;
}

static bool must_load(const struct result *result)
{
	return result_state(result) == RESULT_LOAD || result_state(result) == RESULT_BYPASS;
}

static enum error remembered(const struct reading *reading, struct fault *fault)
{
	*fault = *result_absent(reading->result);
	return ERR_NO_VALUE;
}

static enum error begin(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct reading *reading = args;
	struct result_request *request = &reading->request;
	enum error error = check(handle, reading, fault);

	if (error)
		return error;
	reading->tags = list_slices(reading->how->tags);
	request->key = slice_from(reading->loading.key);
	request->tags = reading->tags;
	request->tag_count = reading->how->tags.count;
	request->usual_load_ms = usual_ms(handle, reading->how->load);
	request->deadline = clock_deadline(request->load_ms + spare_ms);
	error = result_begin(&handle->engine.cache, request, &reading->result, fault);
	if (error || must_load(reading->result))
		return error;
	if (result_state(reading->result) == RESULT_ABSENT)
		error = remembered(reading, fault);
	else
		take_value(reading);
	result_end(reading->result);
	reading->result = NULL;
	return error;
}

/* The TTL of what was stored a moment ago. */
static int64_t stored_ttl(const struct cw_cache *handle, const struct reading *reading)
{
	const struct result_request *request = &reading->request;
	int64_t ms = request->ttl_ms;

	return ttl_seconds(ms ? ms : conf_ttl_ms(handle->engine.cache.conf, request->key));
}

/* Parks. */
static void keep(struct cw_cache *handle, struct reading *reading)
{
	struct fault not_stored;

	result_finish(reading->result, buf_slice(&reading->output.bytes), &not_stored);
	take_value(reading);
	reading->ret->ttl = 0;
	if (reading->ret->origin == CW_MISS && !not_stored.error)
		reading->ret->ttl = stored_ttl(handle, reading);
}

/* Parks. */
static enum error give_up(struct reading *reading, struct fault *fault)
{
	enum error error = reading->output.absent
				   ? fault_set(fault, ERR_NO_VALUE,
					     "the loader says that there is no such value")
				   : fault_set(fault, ERR_SOURCE_FAILED,
					     "the loader failed, and there is no stale value");

	result_fail(reading->result, fault);
	if (error == ERR_NO_VALUE)
		return error;
	take_value(reading);
	return reading->ret->data ? OK : error;
}

static enum error end(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct reading *reading = args;
	enum error error = OK;

	if (reading->loaded && !reading->output.absent)
		keep(handle, reading);
	else
		error = give_up(reading, fault);
	result_end(reading->result);
	return error;
}

static void load(struct cw_cache *handle, struct reading *reading)
{
	int64_t began = clock_mono_ms();

	reading->loading.outer = handle->loading;
	handle->loading = &reading->loading;
	reading->loaded = reading->how->load(reading->how->context, &reading->output);
	handle->loading = reading->loading.outer;
	if (reading->loaded)
		note_load(handle, reading->how->load, clock_mono_ms() - began);
}

enum cw_status cw_result(struct cw_cache *handle, struct cw_bytes key, const struct cw_load *how,
	struct cw_value *ret, struct cw_error *error)
{
	struct reading reading = {
		.loading = {.key = key}, .how = how, .ret = ret, .output = {.hook = &handle->hook}};

	*ret = (struct cw_value){0};
	enum cw_status status = call_run_anyway(handle, begin, &reading, error);
	if (!status && reading.result) {
		load(handle, &reading);
		status = call_run_always(handle, end, &reading, error);
	}
	buf_release(&reading.output.bytes);
	mem_free(reading.tags);
	return status;
}
