/* SPDX-License-Identifier: MIT */
/* What the transports share; see transport.h. */
#include "source/transport.h"

int64_t transport_max_total(const struct source_call *call)
{
	return call->max_total_bytes ? call->max_total_bytes : INT64_C(1) << 30;
}

bool transport_param(const struct source_call *call, struct slice name, struct slice *ret)
{
	for (size_t i = 0; i < call->param_count; i++) {
		if (slice_equal(call->params[i].name, name)) {
			*ret = call->params[i].value;
			return true;
		}
	}
	return false;
}

enum error transport_waited(enum error error, const char *what, struct fault *fault)
{
	if (error == ERR_TIMEOUT)
		return fault_set(fault, ERR_TIMEOUT, "did not %s before the deadline", what);
	if (error)
		return fault_set(fault, error, "was cancelled");
	return OK;
}

void transport_hash(uint64_t *at, struct slice text)
{
	/* The length, too, so that "ab","c" is not "a","bc". */
	*at = fnv_add64(fnv_add64(*at, text), slice_of((const char *)&text.n, sizeof text.n));
}
