/* SPDX-License-Identifier: MIT */
/*
 * A request in its handler: checked, decoded, authorised, with its whole body.
 *
 * Slices are valid as long as the request: until its reply was sent or its connection has ended,
 * but not before its handler has replied.
 */
#ifndef CW_HTTP_REQUEST_H
#define CW_HTTP_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "conf/conf.h"
#include "http/peer.h"
#include "http/route.h"

struct request;

/* Whether it is a HEAD: its reply is that of GET without the body. */
bool request_is_head(const struct request *request);
/* Whether it was refused before its handler was called, see ROUTE_REFUSED. */
bool request_is_answered(const struct request *request);
const struct route *request_route(const struct request *request);
/* The configuration with which this request was accepted. Borrowed. */
struct conf *request_conf(const struct request *request);
const struct identity *request_identity(const struct request *request);
/* The caller's X-Request-Id if it is a token of up to 64 bytes, else 16 lower-case hex digits. */
const char *request_id(const struct request *request);
struct slice request_method(const struct request *request);
/* Whether an Authorization header, cookie or certificate was sent that is not valid. */
bool request_failed_login(const struct request *request);
/* The client's address: "127.0.0.1", "2001:db8::/64", "unix". */
void request_peer(const struct request *request, char ret[PEER_MAX_TEXT]);
/* The traceparent; "" = none. */
const char *request_trace(const struct request *request);
/* Since its head was complete. */
int64_t request_took_us(const struct request *request);
/* Of its reply; 0 and OK before it. */
int request_status(const struct request *request);
enum error request_error(const struct request *request);
struct slice request_body(const struct request *request);
/* For what the handler makes of the request: freed when the handler returns. */
struct arena *request_arena(struct request *request);
/* The decoded bytes of {name} in the route's path. Asserts that the route has it. */
struct slice request_path(const struct request *request, const char *name);
/* A decoded query parameter; false if it is absent. */
bool request_query(const struct request *request, const char *name, struct slice *ret);
/*
 * A header, in any case; false if it is absent. For headers that are not lists: the gate has
 * refused a second one of each that is acted on.
 */
bool request_header(const struct request *request, const char *name, struct slice *ret);

/* The lines of a header that is a list, one per call, from *at = 0 on; false after the last. */
bool request_header_line(
	const struct request *request, const char *name, size_t *at, struct slice *ret);

/*
 * ERR_FORBIDDEN if the request comes from a page that must not change anything: one of another
 * site, unless it has a token. The gate has asked for all methods but GET and HEAD; the handler of
 * a GET that changes something asks.
 */
enum error request_may_change(const struct request *request, struct fault *fault);

/*
 * Query parameters with checks: OK with *ret unchanged if absent, ERR_BAD_PARAMETER with the
 * parameter's name if it is wrong.
 */
enum error request_query_bool(
	const struct request *request, const char *name, bool *ret, struct fault *fault);
enum error request_query_int(const struct request *request, const char *name, int64_t min,
	int64_t max, int64_t *ret, struct fault *fault);

#endif
