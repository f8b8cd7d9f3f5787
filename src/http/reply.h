/* SPDX-License-Identifier: MIT */
/*
 * Replies: each handler calls exactly one reply_*() that ends the request, after as many
 * reply_header() as it likes. Every answer carries X-Request-Id and the security headers; one with
 * status 202, 429 or 503 also Retry-After, of 1 second unless another was set.
 */
#ifndef CW_HTTP_REPLY_H
#define CW_HTTP_REPLY_H

#include <cjson/cJSON.h>

#include "http/request.h"

/* Adds a header; `value` is copied and must hold no control bytes (asserted). */
void reply_header(struct request *request, const char *name, const char *value);
void reply_retry_after(struct request *request, int seconds);
/* WWW-Authenticate of a 403 (RFC 6750), where a handler found that `scope` is missing. */
void reply_scope_missing(struct request *request, enum scope scope);

/*
 * What this answer may have without being refused now; the budget of answers in flight
 * (limits.reply_bytes) and its address's share decide. Never below a few KiB.
 */
size_t reply_room(const struct request *request);
/*
 * Claims `bytes` in all for this answer, before its values are fetched; less than before gives
 * back. ERR_OVERLOADED where there is no room: what was claimed stays.
 */
enum error reply_claim(struct request *request, size_t bytes, struct fault *fault);

/*
 * Where the request only reads and its body finds no room, each of these answers 503 `overloaded`
 * instead, and drops the headers that were set.
 */
/* JSON; takes the value over. Parks where it is large. */
void reply_json(struct request *request, int status, cJSON *value);
/* Any bytes; copied. For HEAD the length is told and no body sent. */
void reply_bytes(struct request *request, int status, const char *content_type, struct slice body);
/* The same, without copying: frees `body` (mem_free) when it is sent. */
void reply_owned(
	struct request *request, int status, const char *content_type, char *body, size_t n);
void reply_empty(struct request *request, int status);
/*
 * application/problem+json from a fault: status and code of its error, its detail, and `errors`
 * where it has a pointer or says what is wrong with the body.
 */
void reply_fault(struct request *request, const struct fault *fault);
/* The same with members of `extra` (taken over, may be NULL) beside the standard ones. */
void reply_fault_with(struct request *request, const struct fault *fault, cJSON *extra);

#endif
