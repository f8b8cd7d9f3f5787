/* SPDX-License-Identifier: MIT */
/*
 * Routes are data: a row has all that is needed to refuse a request before its handler is called.
 * 404, 405 with Allow, 401, 403, 411, 413 and 415 are sent by the server, never by a handler.
 */
#ifndef CW_HTTP_ROUTE_H
#define CW_HTTP_ROUTE_H

#include "conf/scope.h"

struct request;

/* Replies once, with a reply_*() function of http/reply.h. `context` is that of the server. */
typedef void http_handler(struct request *request, void *context);

enum route_flags {
	/* Runs at once, without a fiber: it replies from memory and never parks. */
	ROUTE_INLINE = 1 << 0,
	/* Takes a JSON body (Content-Type application/json or +json); an empty one is allowed. */
	ROUTE_JSON = 1 << 1,
	/*
	 * Takes any bytes. Without ROUTE_JSON or ROUTE_BYTES a body is refused. How large a body
	 * may be: admit.c.
	 */
	ROUTE_BYTES = 1 << 2,
	/* Exempt from the Host list. */
	ROUTE_ANY_HOST = 1 << 3,
	/* Open to all; the handler decides by request_identity() what to show. */
	ROUTE_OPEN = 1 << 4,
	/* Changes nothing though it is a POST. */
	ROUTE_READS = 1 << 5,
	/* Its handler claims room (reply_claim) before it fetches the values of its reply. */
	ROUTE_ROOM = 1 << 6,
	/*
	 * Honours If-Match. Methods other than GET refuse all conditions that they do not honour.
	 */
	ROUTE_IF_MATCH = 1 << 7,
	/* Honours If-None-Match: *. */
	ROUTE_IF_NONE_MATCH = 1 << 8,
	/*
	 * Its handler is called, in a fiber, also for requests that were refused for their content
	 * (length, body, query, conditions) or for lack of room, if the caller may use the route.
	 * Then request_is_answered(), and the handler does not reply.
	 */
	ROUTE_REFUSED = 1 << 9,
	ROUTE_CONDITIONS = ROUTE_IF_MATCH | ROUTE_IF_NONE_MATCH,
};

struct route {
	const char *method; /* GET answers HEAD too */
	const char *path;   /* "/api/v1/admin/cache/operations/{id}": {name} is one segment */
	enum scope scope;
	unsigned flags;
	http_handler *handler;
	const char *query; /* the query parameters that it takes, separated by spaces */
	const char *help;  /* one sentence, for the docs */
};

#endif
