/* SPDX-License-Identifier: MIT */
/*
 * The gate: checks on the raw request, before any of it is believed. libmicrohttpd takes more than
 * is safe (two Content-Lengths, folded fields, Transfer-Encoding beside a length), so nothing that
 * decides where a request ends or whom it is for gets past here unless it is unmistakable.
 *
 *	method -> target (uri.h) -> fields -> host -> framing -> route (router.h) -> body -> query
 *	-> rate -> token, scope (auth.h) -> origin
 *
 * Each function is one step, pure, and returns the first fault it finds.
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
 * Names are tokens, values without control bytes, at most HEAD_MAX_FIELDS and HEAD_MAX_BYTES, no
 * field twice that is acted on and is not a list, nothing between them (`torn`). Notes the
 * known fields in `head`.
 */
enum error gate_fields(struct head *head, struct fault *fault);

struct gate_hosts {
	const struct slice *names; /* allowed besides IP addresses, lower or upper case */
	size_t count;
	bool local; /* over a Unix socket: `localhost` is allowed as well */
	bool any;   /* whatever it says, as long as it is one host */
};

/*
 * One Host (ERR_BAD_REQUEST; HTTP/1.0 may leave it out) that is an IP address or on the list, its
 * port left aside (ERR_MISDIRECTED). Against DNS rebinding: a browser sent here by an attacker's
 * name says so.
 */
enum error gate_host(const struct head *head, const struct gate_hosts *hosts, struct fault *fault);

/*
 * Any Transfer-Encoding is ERR_LENGTH_REQUIRED; Content-Length must be digits, and 0 for GET and
 * HEAD. Sets head->length.
 */
enum error gate_framing(struct head *head, struct fault *fault);

/* The body against its route: at most `limit` bytes, Expect, Content-Type. */
enum error gate_body(
	const struct head *head, const struct route *route, int64_t limit, struct fault *fault);

/* No token in the query, and no parameter that the route does not take. */
enum error gate_query(const struct uri *uri, const struct route *route, struct fault *fault);

/* ERR_BAD_REQUEST for a condition that the route does not honour: never one that is ignored. */
enum error gate_conditions(const struct head *head, const struct route *route, struct fault *fault);

/*
 * For callers without a token, who may be a browser led here by another site: ERR_FORBIDDEN where a
 * changing request says that it comes from elsewhere.
 */
enum error gate_origin(const struct head *head, struct fault *fault);
/* The same whatever the method, for a GET that changes something. */
enum error gate_origin_of_change(const struct head *head, struct fault *fault);

#endif
