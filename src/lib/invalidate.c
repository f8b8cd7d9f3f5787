/* SPDX-License-Identifier: MIT */
/* Invalidation: starts the engine's operation and waits for it. */
#include "invalidate/invalidator.h"

#include <stdio.h>

#include "lib/args.h"

enum { default_timeout_ms = 30 * 60 * 1000, end_ms = 5000 };

struct invalidate_call {
	const struct cw_invalidation *what;
	struct cw_invalidated ret;
};

static enum error add_entities(
	struct invalidation *to, const struct cw_invalidation *what, struct fault *fault)
{
	for (size_t i = 0; i < what->entity_count; i++) {
		const struct cw_entity *from = &what->entities[i];
		const struct conf_entity *entity = conf_entity(to->conf, slice_str(from->name));

		if (!entity)
			return fault_set(fault, ERR_NOT_FOUND,
				"%s is not an entity of the configuration", from->name);
		if (from->ids.count == 0 || from->ids.count > INVALIDATION_MAX_IDS)
			return fault_set(fault, ERR_BAD_BODY,
				"%zu ids of %s are given; 1 to %d are allowed", from->ids.count,
				from->name, INVALIDATION_MAX_IDS);
		for (size_t j = 0; j < from->ids.count; j++) {
			struct slice id = args_slice(from->ids.items[j]);

			if (id.n == 0 || id.n > KEY_MAX_BYTES)
				return fault_set(fault, ERR_BAD_BODY,
					"an id of %s has %zu bytes; 1 to %d are allowed",
					from->name, id.n, KEY_MAX_BYTES);
			invalidation_add_id(to, entity, id);
		}
	}
	return OK;
}

/* Adds each item of a list by `add`. */
static enum error add_list(struct invalidation *to, struct cw_list list,
	void (*add)(struct invalidation *, struct slice), struct fault *fault)
{
	if (list.count > INVALIDATION_MAX_KEYS)
		return fault_set(fault, ERR_BAD_BODY,
			"%zu selectors of one kind are given; at most %d are allowed", list.count,
			INVALIDATION_MAX_KEYS);
	for (size_t i = 0; i < list.count; i++)
		add(to, args_slice(list.items[i]));
	return OK;
}

static enum error fill(
	struct invalidation *to, const struct cw_invalidation *what, struct fault *fault)
{
	enum error error = add_list(to, what->keys, invalidation_add_key, fault);

	if (!error)
		error = add_list(to, what->patterns, invalidation_add_pattern, fault);
	if (!error)
		error = args_check_tags(what->tags, fault);
	if (!error)
		error = add_list(to, what->tags, invalidation_add_tag, fault);
	if (!error)
		error = add_list(to, what->dependents_of, invalidation_add_dependents_of, fault);
	if (!error)
		error = add_entities(to, what, fault);
	to->no_cascade = what->no_cascade;
	to->dry_run = what->dry_run;
	to->soft = what->soft;
	if (what->max_keys)
		to->max_keys = what->max_keys;
	if (what->confirm && *what->confirm)
		to->confirm = mem_strdup(what->confirm);
	if (what->note && *what->note)
		to->note = mem_strdup(what->note);
	if (!error && !to->key_count && !to->pattern_count && !to->tag_count &&
		!to->dependents_count && !to->entity_count)
		error = fault_set(fault, ERR_BAD_BODY, "there is no selector");
	return error;
}

static void take_result(const struct invalidation_result *result, struct cw_invalidated *ret)
{
	const char *reason = result ? invalidation_result_reason(result) : NULL;

	if (!result)
		return;
	ret->complete = !reason;
	snprintf(ret->reason, sizeof ret->reason, "%s", reason ? reason : "");
	snprintf(ret->confirm, sizeof ret->confirm, "%s", result->confirmation);
	if (result->matched > 0 || result->matched_at_least > 0)
		ret->matched = (uint64_t)(result->matched > 0 ? result->matched
							      : result->matched_at_least);
	ret->invalidated = result->invalidated;
	ret->softened = result->softened;
	ret->protected_skipped = result->protected_skipped;
}

/* At the timeout the operation is cancelled: between two calls it could not go on. */
static enum error await(struct operation *operation, int64_t timeout_ms, struct fault *fault)
{
	enum error error = operation_wait(operation, clock_deadline(timeout_ms));

	if (error) {
		operation_cancel(operation);
		operation_wait(operation, clock_deadline(end_ms));
		return fault_set(fault, ERR_TIMEOUT,
			"the invalidation was ended after timeout_ms and is not complete");
	}
	if (!operation_error(operation)->error)
		return OK;
	*fault = *operation_error(operation);
	return fault->error;
}

static enum error invalidate(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct invalidate_call *asked = args;
	struct operation *operation;
	struct invalidation *what = invalidation_new(handle->engine.cache.conf, &handle->who);
	enum error error = fill(what, asked->what, fault);

	if (error) {
		invalidation_free(what);
		return error;
	}
	error = invalidator_begin(handle->engine.invalidator, what, &operation, fault);
	if (error)
		return error;
	error = await(operation,
		asked->what->timeout_ms > 0 ? asked->what->timeout_ms : default_timeout_ms, fault);
	take_result(operation_result(operation), &asked->ret);
	if (!error && !asked->ret.complete)
		error = fault_set(fault, ERR_INCOMPLETE, "the invalidation is not complete: %s",
			asked->ret.reason);
	operation_unref(operation);
	return error;
}

enum cw_status cw_invalidate(struct cw_cache *handle, const struct cw_invalidation *what,
	struct cw_invalidated *ret, struct cw_error *error)
{
	struct invalidate_call args = {.what = what};
	enum cw_status status = call_run(handle, invalidate, &args, error);

	if (ret)
		*ret = args.ret;
	return status;
}

enum cw_status cw_invalidating(struct cw_cache *handle, cw_change *change, void *context,
	const struct cw_invalidation *what, struct cw_error *error)
{
	struct fault fault;

	if (change(context))
		return cw_invalidate(handle, what, NULL, error);
	fault_set(&fault, ERR_SOURCE_FAILED,
		"the change function returned false, so nothing was invalidated");
	return status_set(error, &fault);
}
