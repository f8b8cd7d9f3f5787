/* SPDX-License-Identifier: MIT */
/* Deleting with dependents is an invalidation by name; see keys_cascade.h. */
#include "api/keys_cascade.h"

#include "api/operations.h"
#include "invalidate/invalidator.h"

enum { wait_ms = 10000 };

/* Whether all was removed; the fault says why not. */
static enum error verdict(const struct operation *operation, struct fault *fault)
{
	const cJSON *result = operation_result(operation);
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(result, "reason");
	const struct fault *own = operation_error(operation);

	if (own->error) {
		*fault = *own;
		return own->error;
	}
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(result, "complete")))
		return OK;
	return fault_set(fault, ERR_INCOMPLETE,
		"not all dependents were removed (%s): operation %s has the counts",
		cJSON_IsString(reason) ? reason->valuestring : "no reason",
		operation_id(operation));
}

/* Big numbers are raw text in a result. */
static uint64_t removed_keys(const struct operation *operation)
{
	const cJSON *removed =
		cJSON_GetObjectItemCaseSensitive(operation_result(operation), "invalidated");
	int64_t count = 0;

	if (cJSON_IsRaw(removed))
		slice_int64(slice_str(removed->valuestring), &count);
	return (uint64_t)count;
}

static bool answer(
	struct request *request, const struct operation *operation, uint64_t *ret_deleted)
{
	struct fault fault;

	*ret_deleted = removed_keys(operation);
	if (verdict(operation, &fault) == OK)
		return true;
	reply_fault(request, &fault);
	return false;
}

bool keys_cascade(struct request *request, struct app *app, const struct slice *keys, size_t count,
	uint64_t *ret_deleted)
{
	struct invalidation *what =
		invalidation_new(request_conf(request), request_identity(request));
	struct operation *operation;
	struct fault fault;
	bool told = false;

	for (size_t i = 0; i < count; i++)
		invalidation_add_key(what, keys[i]);
	if (invalidator_begin(app->engine.invalidator, what, &operation, &fault)) {
		reply_fault(request, &fault);
		return false;
	}
	if (operation_wait(operation, clock_deadline(wait_ms)) == OK)
		told = answer(request, operation, ret_deleted);
	else
		api_reply_accepted(request, operation);
	operation_unref(operation);
	return told;
}
