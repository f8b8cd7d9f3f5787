/* SPDX-License-Identifier: MIT */
/*
 * The error table: code, HTTP status and title of each error.
 *
 * One row is X(NAME, "code", http_status, REDIS, "title"). REDIS is what the error tells about
 * Redis when a step that needs it ends so: ERROR_REDIS_NONE, _NO_ANSWER, _NOT_SERVING or _REFUSED.
 * The enum, the `code` and the status of an answer come from these rows; `make lint` compares
 * docs/errors.md with them.
 */
#ifndef CW_BASE_ERROR_H
#define CW_BASE_ERROR_H

/* clang-format off */
#define ERROR_TABLE(X) \
	X(BAD_REQUEST, "bad_request", 400, NONE, "The request is not well-formed") \
	X(BAD_JSON, "bad_json", 400, NONE, "The body is not valid JSON") \
	X(BAD_BODY, "bad_body", 400, NONE, "The body does not fit this route") \
	X(BAD_PARAMETER, "bad_parameter", 400, NONE, "A query parameter is wrong") \
	X(BAD_PATTERN, "bad_pattern", 400, NONE, "The pattern is not acceptable") \
	X(BAD_KEY, "bad_key", 400, NONE, "The key is not acceptable") \
	X(NOT_SUPPORTED, "not_supported", 400, NONE, "This version does not support that yet") \
	X(UNAUTHORIZED, "unauthorized", 401, NONE, "A valid token is required") \
	X(FORBIDDEN, "forbidden", 403, NONE, "The token's scopes do not allow this") \
	X(KEY_RESERVED, "key_reserved", 403, NONE, "The key belongs to cachewarden") \
	X(KEY_PROTECTED, "key_protected", 403, NONE, "The key is protected") \
	X(KEY_OUTSIDE_PREFIXES, "key_outside_prefixes", 403, NONE, "The key is outside the token's prefixes") \
	X(NOT_FOUND, "not_found", 404, NONE, "There is nothing at this address") \
	X(UNKNOWN_JOB, "unknown_job", 404, NONE, "There is no such warm job") \
	X(UNKNOWN_OPERATION, "unknown_operation", 404, NONE, "There is no such operation") \
	X(UNKNOWN_LOADER, "unknown_loader", 404, NONE, "There is no such loader") \
	X(UNKNOWN_SESSION, "unknown_session", 404, NONE, "There is no such session") \
	X(NO_VALUE, "no_value", 404, NONE, "There is no value under this key") \
	X(METHOD_NOT_ALLOWED, "method_not_allowed", 405, NONE, "The method is not allowed at this address") \
	X(CONFLICT, "conflict", 409, NONE, "The current state does not allow this") \
	X(CONFIRMATION_REQUIRED, "confirmation_required", 409, NONE, "Deleting this many keys needs confirmation") \
	X(WRONG_TYPE, "wrong_type", 409, NONE, "The key holds another type of value") \
	X(LEASE_LOST, "lease_lost", 409, NONE, "The lease has ended or has another holder") \
	X(LENGTH_REQUIRED, "length_required", 411, NONE, "Content-Length is required") \
	X(PRECONDITION_FAILED, "precondition_failed", 412, NONE, "The precondition does not hold") \
	X(TOO_LARGE, "too_large", 413, NONE, "The body is too large") \
	X(URI_TOO_LONG, "uri_too_long", 414, NONE, "The address is too long") \
	X(UNSUPPORTED_TYPE, "unsupported_type", 415, NONE, "The body's type is not supported") \
	X(EXPECTATION_FAILED, "expectation_failed", 417, NONE, "The expectation cannot be met") \
	X(MISDIRECTED, "misdirected", 421, NONE, "This host name is not served here") \
	X(BAD_CONFIG, "bad_config", 422, NONE, "The configuration is not acceptable") \
	X(TOO_MANY_REQUESTS, "too_many_requests", 429, NONE, "Too many requests") \
	X(TOO_MANY_OPERATIONS, "too_many_operations", 429, NONE, "Too many operations are waiting") \
	X(HEADERS_TOO_LARGE, "headers_too_large", 431, NONE, "The headers are too large") \
	X(CANCELLED, "cancelled", 503, NONE, "The work was cancelled") \
	X(INTERNAL, "internal", 500, NONE, "Internal error") \
	X(UNKNOWN_METHOD, "unknown_method", 501, NONE, "The method is not known") \
	X(CORRUPT_VALUE, "corrupt_value", 502, NONE, "The stored value cannot be read") \
	X(SOURCE_FAILED, "source_failed", 502, NONE, "The source failed") \
	X(SOURCE_ROW, "source_row", 502, NONE, "A row of the source cannot be used") \
	X(WARM_FAILED, "warm_failed", 502, NONE, "A warm run failed") \
	X(INCOMPLETE, "incomplete", 502, NONE, "The work is not complete") \
	X(REDIS_ERROR, "redis_error", 502, REFUSED, "Redis refused the command") \
	X(REDIS_AUTH, "redis_auth", 502, NOT_SERVING, "Redis refused the credentials") \
	X(REDIS_NOPERM, "redis_noperm", 502, REFUSED, "Redis denies a command") \
	X(REDIS_PROTOCOL, "redis_protocol", 502, NO_ANSWER, "The answer of Redis is not valid RESP") \
	X(REDIS_UNKNOWN_OUTCOME, "redis_unknown_outcome", 502, NO_ANSWER, "The connection broke before Redis answered") \
	X(REPLY_TOO_LARGE, "reply_too_large", 502, NONE, "Redis's reply is too large") \
	X(REDIS_UNAVAILABLE, "redis_unavailable", 503, NO_ANSWER, "Redis cannot be reached") \
	X(REDIS_LOADING, "redis_loading", 503, NO_ANSWER, "Redis is loading its data") \
	X(REDIS_BUSY, "redis_busy", 503, NOT_SERVING, "Redis is busy with a script") \
	X(REDIS_READONLY, "redis_readonly", 503, REFUSED, "Redis does not accept writes") \
	X(NOT_PRIMARY, "not_primary", 503, NOT_SERVING, "The Redis server is not a primary") \
	X(CLUSTER_NODE, "cluster_node", 503, NOT_SERVING, "The Redis server is a node of a cluster") \
	X(OVERLOADED, "overloaded", 503, NOT_SERVING, "Too much work is waiting") \
	X(STOPPING, "stopping", 503, NONE, "The daemon is stopping") \
	X(AUDIT_UNAVAILABLE, "audit_unavailable", 503, NONE, "The audit log cannot be written") \
	X(PAUSED, "paused", 503, NONE, "This work is paused") \
	X(TIMEOUT, "timeout", 504, NO_ANSWER, "The time limit was exceeded") \
	X(REDIS_OOM, "redis_oom", 507, REFUSED, "Redis is out of memory")
/* clang-format on */

enum error {
	OK = 0,
#define X(name, code, status, redis, title) ERR_##name,
	ERROR_TABLE(X)
#undef X
		ERROR_COUNT
};

/* What an error tells about Redis, in ascending order of how much of it works. */
enum error_redis {
	ERROR_REDIS_NONE,	 /* nothing */
	ERROR_REDIS_NO_ANSWER,	 /* it did not answer; once it does, the same step may succeed */
	ERROR_REDIS_NOT_SERVING, /* it answers, but cannot serve us at the moment */
	ERROR_REDIS_REFUSED,	 /* it serves us, and refused this command */
};

/* The row's parts, constant text. OK gives "ok", 200, ERROR_REDIS_NONE, "OK". */
const char *error_code(enum error error);
int error_status(enum error error);
enum error_redis error_redis(enum error error);
const char *error_title(enum error error);
/* The error with this code; OK if there is none. */
enum error error_of(const char *code);

#endif
