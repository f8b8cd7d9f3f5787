/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server: listeners, and how requests pass through them.
 *
 *	listener (one MHD daemon in external epoll mode, a pump of the loop)
 *	  -> gate: every check on the raw request, its length among them, in a fixed order; each
 *	     refusal is answered at once
 *	  -> router: route, auth, scope, rate, type and limit of the body (admit.c)
 *	  -> body collected up to its limit -> handler, inline or in a fiber -> reply
 *
 * Limits are counted over all listeners. Deadlines are absolute: header, body, reply.
 */
#ifndef CW_HTTP_SERVER_H
#define CW_HTTP_SERVER_H

#include "base/fault.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "conf/conf.h"
#include "http/route.h"

struct http_server;

/* What is told of requests; each may be NULL. `context` is that of the server. */
struct http_observer {
	/*
	 * Before the handler of a request that may change something, in its fiber. An error refuses
	 * it with the fault. Parks.
	 */
	enum error (*begins)(void *context, struct request *request, struct fault *fault);
	/* It was answered, also if it was refused by `begins`. */
	void (*ended)(void *context, struct request *request);
	/* The caller of a request is not who it says, or may not do this. */
	void (*refused)(void *context, struct request *request, const struct fault *fault);
};

struct http_options {
	struct loop *loop;
	struct log *log;
	struct metrics *metrics;
	const struct route *routes; /* ends with a row without method */
	void *context;		    /* handed to each handler */
	struct http_observer observer;
};

struct http_server *http_server_new(const struct http_options *options);

/*
 * Reload of the configuration (struct reload_member): prepare binds new listeners, commit puts
 * `next` in force (a reference is kept), keeps unchanged listeners and drains removed ones; abandon
 * closes what prepare has bound. The first pair starts the server.
 */
enum error http_server_prepare(struct http_server *server, struct conf *next, struct fault *fault);
void http_server_commit(struct http_server *server, struct conf *next);
void http_server_abandon(struct http_server *server);

/* One line per listener: "http://127.0.0.1:8480", "https://...", "unix:/run/x.sock"; the ports
 * really bound. */
void http_server_addresses(const struct http_server *server, struct buf *out);
/* The current number of connections by state. */
struct http_counts {
	size_t connections, max_connections;
	size_t reading, handling, replying, streaming, idle; /* of them, by state */
	size_t body_bytes;				     /* of request bodies */
	bool draining, accept_paused;
};
void http_server_count(struct http_server *server, struct http_counts *ret);
/* Brings the HTTP rows of the metric table up to date; before each scrape or sample. */
void http_server_publish_metrics(struct http_server *server);

/*
 * Stops serving: listeners accept no more, replies close their connections, every accepted request
 * is still answered. OK when the last connection has ended, ERR_TIMEOUT if `deadline` came first:
 * the rest was cut. What is cut at the deadline is cut in the order that MHD needs: handlers end
 * and their connections are resumed, then the sockets are shut down, then MHD closes them. Parks.
 */
enum error http_server_drain(struct http_server *server, int64_t deadline);
/* After http_server_drain(). */
void http_server_free(struct http_server *server);

#endif
