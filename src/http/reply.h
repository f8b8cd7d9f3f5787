/* SPDX-License-Identifier: MIT */
/*
 * Replies: each handler calls exactly one reply_*() that ends the request, after any number of
 * reply_header(). Every reply has X-Request-Id and the security headers; one with status 202, 429
 * or 503 also Retry-After, of 1 second unless it was set.
 */
#ifndef CW_HTTP_REPLY_H
#define CW_HTTP_REPLY_H

#include <cjson/cJSON.h>

#include "http/request.h"

/* Adds a header; `value` is copied and must not contain control bytes (asserted). */
void reply_header(struct request *request, const char *name, const char *value);
void reply_retry_after(struct request *request, int seconds);
/* WWW-Authenticate of a 403 (RFC 6750), if a handler has found that `scope` is missing. */
void reply_scope_missing(struct request *request, enum scope scope);

/*
 * The bytes that this reply may have now, by the budget of replies in flight (limits.reply_bytes)
 * and the share of its address. Never below a few KiB.
 */
size_t reply_room(const struct request *request);
/*
 * Claims `bytes` in all for this reply, before its values are fetched; a smaller number gives bytes
 * back. ERR_OVERLOADED if there is no room; what was claimed before stays claimed.
 */
enum error reply_claim(struct request *request, size_t bytes, struct fault *fault);

/*
 * If the request only reads and there is no room for the body, each of these replies with 503
 * `overloaded` instead, without the headers that were set.
 */
/* JSON; takes the value over. Parks where it is large. */
void reply_json(struct request *request, int status, cJSON *value);
/* Any bytes; copied. For HEAD the length is sent, but no body. */
void reply_bytes(struct request *request, int status, const char *content_type, struct slice body);
/* The same without copying; `body` is freed (mem_free) after it was sent. */
void reply_owned(
	struct request *request, int status, const char *content_type, char *body, size_t n);
void reply_empty(struct request *request, int status);
/*
 * application/problem+json from a fault: status and code of its error, its detail, and `errors` if
 * it has a pointer or is about the body.
 */
void reply_fault(struct request *request, const struct fault *fault);
/* The same with members of `extra` (taken over, may be NULL) beside the standard ones. */
void reply_fault_with(struct request *request, const struct fault *fault, cJSON *extra);

#endif
