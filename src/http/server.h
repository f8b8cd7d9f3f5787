/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server: listeners, and the way of a request through them.
 *
 *	listener (one MHD daemon in external epoll mode, a pump of the loop)
 *	  -> gate: every check on the raw request, in a fixed order, each refusal answered at once
 *	  -> router: route, auth, scope, body limit, type
 *	  -> body collected up to its limit -> handler, inline or in a fiber -> reply
 *
 * Limits are counted over all listeners. Deadlines are absolute: header, body, reply.
 */
#ifndef CW_HTTP_SERVER_H
#define CW_HTTP_SERVER_H

#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "conf/conf.h"
#include "http/route.h"

struct http_server;

struct http_options {
	struct loop *loop;
	struct log *log;
	struct metrics *metrics;
	const struct route *routes; /* ends with a row without method */
	void *context;		    /* handed to each handler */
};

struct http_server *http_server_new(const struct http_options *options);

/*
 * Exchange of the configuration (reload_member): prepare binds the listeners that are new, commit
 * puts `next` in force (a reference is kept), keeps those that stayed and drains those that are
 * gone; abandon closes what prepare bound. The first pair starts the server.
 */
enum error http_server_prepare(struct http_server *server, struct conf *next, struct fault *fault);
void http_server_commit(struct http_server *server, struct conf *next);
void http_server_abandon(struct http_server *server);

/* One line per listener: "http://127.0.0.1:8480", "unix:/run/x.sock"; the ports really bound. */
void http_server_addresses(const struct http_server *server, struct buf *out);
size_t http_server_connections(const struct http_server *server);
/* What its connections do at the moment. */
struct http_counts {
	size_t connections, max_connections;
	size_t reading, handling, replying, idle; /* of them, by what they are at */
	size_t body_bytes;			  /* of request bodies */
	bool draining, accept_paused;
};
void http_server_count(struct http_server *server, struct http_counts *ret);
/* Brings the HTTP rows of the metric table up to date; before each scrape or sample. */
void http_server_publish_metrics(struct http_server *server);

/*
 * Stopping: listeners accept no more, answers close their connections, every accepted request is
 * still answered. OK when the last connection is done, ERR_TIMEOUT when `deadline` came before:
 * what was left has been cut. Parks.
 */
enum error http_server_drain(struct http_server *server, int64_t deadline);
/* After http_server_drain(). */
void http_server_free(struct http_server *server);

#endif
