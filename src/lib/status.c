/* SPDX-License-Identifier: MIT */
/* The public status of each error of the engine; the numbers of statuses never change. */
#include <stdio.h>

#include "lib/handle.h"

static const enum cw_status statuses[ERROR_COUNT] = {
	[ERR_BAD_REQUEST] = CW_BAD_ARGUMENT,
	[ERR_BAD_JSON] = CW_BAD_ARGUMENT,
	[ERR_BAD_BODY] = CW_BAD_ARGUMENT,
	[ERR_BAD_PARAMETER] = CW_BAD_ARGUMENT,
	[ERR_BAD_PATTERN] = CW_BAD_ARGUMENT,
	[ERR_BAD_KEY] = CW_BAD_ARGUMENT,
	[ERR_BAD_CONFIG] = CW_BAD_CONFIG,
	[ERR_FORBIDDEN] = CW_FORBIDDEN,
	[ERR_KEY_RESERVED] = CW_FORBIDDEN,
	[ERR_KEY_PROTECTED] = CW_FORBIDDEN,
	[ERR_KEY_OUTSIDE_PREFIXES] = CW_FORBIDDEN,
	[ERR_NOT_FOUND] = CW_NOT_FOUND,
	[ERR_NO_VALUE] = CW_NOT_FOUND,
	[ERR_UNKNOWN_SESSION] = CW_NOT_FOUND,
	[ERR_PRECONDITION_FAILED] = CW_EXISTS,
	[ERR_WRONG_TYPE] = CW_WRONG_TYPE,
	[ERR_CONFLICT] = CW_CONFLICT,
	[ERR_LEASE_LOST] = CW_LEASE_LOST,
	[ERR_TOO_LARGE] = CW_TOO_LARGE,
	[ERR_REPLY_TOO_LARGE] = CW_TOO_LARGE,
	[ERR_CONFIRMATION_REQUIRED] = CW_CONFIRMATION_REQUIRED,
	[ERR_INCOMPLETE] = CW_INCOMPLETE,
	[ERR_SOURCE_FAILED] = CW_CALLBACK_FAILED,
	[ERR_CORRUPT_VALUE] = CW_CORRUPT_VALUE,
	[ERR_REDIS_ERROR] = CW_REDIS_ERROR,
	[ERR_REDIS_AUTH] = CW_REDIS_ERROR,
	[ERR_REDIS_NOPERM] = CW_REDIS_ERROR,
	[ERR_REDIS_PROTOCOL] = CW_REDIS_ERROR,
	[ERR_REDIS_UNAVAILABLE] = CW_REDIS_UNAVAILABLE,
	[ERR_REDIS_LOADING] = CW_REDIS_UNAVAILABLE,
	[ERR_REDIS_BUSY] = CW_REDIS_UNAVAILABLE,
	[ERR_REDIS_READONLY] = CW_REDIS_UNAVAILABLE,
	[ERR_NOT_PRIMARY] = CW_REDIS_UNAVAILABLE,
	[ERR_CLUSTER_NODE] = CW_REDIS_UNAVAILABLE,
	[ERR_REDIS_OOM] = CW_REDIS_OUT_OF_MEMORY,
	[ERR_REDIS_UNKNOWN_OUTCOME] = CW_UNKNOWN_OUTCOME,
	[ERR_OVERLOADED] = CW_OVERLOADED,
	[ERR_TOO_MANY_OPERATIONS] = CW_OVERLOADED,
	[ERR_TIMEOUT] = CW_TIMEOUT,
	[ERR_CANCELLED] = CW_TIMEOUT,
};

enum cw_status status_set(struct cw_error *error, const struct fault *fault)
{
	enum cw_status status = fault->error ? statuses[fault->error] : CW_OK;

	/* Errors that no call of the library meets have no row. */
	if (fault->error && !status)
		status = CW_INTERNAL;
	if (error) {
		error->status = status;
		error->code = error_code(fault->error);
		snprintf(error->message, sizeof error->message, "%s",
			fault->error ? fault->detail : "");
	}
	return status;
}

const char *cw_version(void)
{
	return CW_VERSION;
}
