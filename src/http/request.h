/* SPDX-License-Identifier: MIT */
/*
 * One request as its handler sees it: checked, decoded, authorised, with its whole body.
 *
 * Slices live as long as the request; a request ends when its reply is sent or its connection is
 * gone, but never before its handler has replied.
 */
#ifndef CW_HTTP_REQUEST_H
#define CW_HTTP_REQUEST_H

#include "base/buf.h"
#include "base/fault.h"
#include "conf/conf.h"
#include "http/route.h"

struct request;

/* Whether it is a HEAD: its answer is that of GET without the body. */
bool request_is_head(const struct request *request);
/* Whether it was refused before its handler, which is called all the same: see ROUTE_REFUSED. */
bool request_is_answered(const struct request *request);
const struct route *request_route(const struct request *request);
/* The snapshot of configuration that this request was accepted under. Borrowed. */
struct conf *request_conf(const struct request *request);
const struct identity *request_identity(const struct request *request);
/* 16 lower-case hex digits or more: the caller's X-Request-Id where it is a token of up to 64. */
const char *request_id(const struct request *request);
struct slice request_body(const struct request *request);
/* The decoded bytes of {name} in the route's path. Asserts that the route has it. */
struct slice request_path(const struct request *request, const char *name);
/* A decoded query parameter; false where it is absent. */
bool request_query(const struct request *request, const char *name, struct slice *ret);
/*
 * A header by any case; false where it is absent. For those that are not lists: the gate has
 * refused a second line of each that is acted on.
 */
bool request_header(const struct request *request, const char *name, struct slice *ret);

/* The lines of a header that is a list, one a call, from *at = 0 on; false behind the last. */
bool request_header_line(
	const struct request *request, const char *name, size_t *at, struct slice *ret);

/*
 * For the handler of a GET that is about to change something: ERR_FORBIDDEN where the gate would
 * refuse a write (a page of another site, without a token).
 */
enum error request_may_change(const struct request *request, struct fault *fault);

/*
 * Query parameters with their checks: OK and *ret untouched where absent, ERR_BAD_PARAMETER naming
 * the parameter where it is wrong.
 */
enum error request_query_bool(
	const struct request *request, const char *name, bool *ret, struct fault *fault);
enum error request_query_int(const struct request *request, const char *name, int64_t min,
	int64_t max, int64_t *ret, struct fault *fault);

#endif
