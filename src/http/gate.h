/* SPDX-License-Identifier: MIT */
/*
 * The gate: checks on the raw request, before any of it is used. libmicrohttpd accepts more than is
 * safe (two Content-Lengths, folded fields, Transfer-Encoding beside a length), so anything
 * ambiguous about where a request ends or for which host it is, is refused here.
 *
 *	method -> target (uri.h) -> fields -> host -> framing -> route (router.h) -> body -> query
 *	-> rate -> token, scope (auth.h) -> origin
 *
 * Each function is one step without side effects, and returns the first fault that it finds.
 */
#ifndef CW_HTTP_GATE_H
#define CW_HTTP_GATE_H

#include "base/fault.h"
#include "http/head.h"
#include "http/route.h"
#include "http/uri.h"

/* ERR_UNKNOWN_METHOD unless it is GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS. */
enum error gate_method(struct slice method, struct fault *fault);

/*
 * Checks that names are tokens, values have no control bytes, there are at most HEAD_MAX_FIELDS and
 * HEAD_MAX_BYTES, no field occurs twice that is acted on and is not a list, and nothing is between
 * them (`torn`). Stores the known fields in `head`.
 */
enum error gate_fields(struct head *head, struct fault *fault);

struct gate_hosts {
	const struct slice *names; /* allowed besides IP addresses, in any case */
	size_t count;
	bool local; /* over a Unix socket: `localhost` is allowed, too */
	bool any;   /* any one host is allowed */
};

/*
 * Requires one Host (ERR_BAD_REQUEST; optional in HTTP/1.0) that is an IP address or in the list,
 * whatever its port (ERR_MISDIRECTED). This prevents DNS rebinding: the Host of such a request is
 * the attacker's name.
 */
enum error gate_host(const struct head *head, const struct gate_hosts *hosts, struct fault *fault);

/*
 * ERR_LENGTH_REQUIRED for any Transfer-Encoding; Content-Length must be digits, and 0 for GET and
 * HEAD. Sets head->length.
 */
enum error gate_framing(struct head *head, struct fault *fault);

/* Checks the body's length (at most `limit` bytes), Expect and Content-Type for the route. */
enum error gate_body(
	const struct head *head, const struct route *route, int64_t limit, struct fault *fault);

/* Refuses a token in the query, and parameters that the route does not take. */
enum error gate_query(const struct uri *uri, const struct route *route, struct fault *fault);

/* ERR_BAD_REQUEST for a condition that the route does not honour: none is ignored. */
enum error gate_conditions(const struct head *head, const struct route *route, struct fault *fault);

/* GET or HEAD. */
bool gate_is_read(struct slice method);
/*
 * For a request that changes something, of a caller without a token, such as a browser that a page
 * of another site made send it: ERR_FORBIDDEN if it comes from another origin.
 */
enum error gate_origin_of_change(const struct head *head, struct fault *fault);

#endif
