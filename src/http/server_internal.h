/* SPDX-License-Identifier: MIT */
/*
 * Structures and functions that the files of src/http share.
 *
 *	http_server 1--n listener 1--n connection 1--1 request (while there is one)
 *
 * A listener is one socket and one MHD daemon. A connection lives from accept to close, a request
 * from its first line to the last byte of its reply, or until its handler has ended.
 */
#ifndef CW_HTTP_SERVER_INTERNAL_H
#define CW_HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "base/tls_link.h"
#include "conf/conf.h"
#include "http/access_log.h"
#include "http/auth.h"
#include "http/deadline.h"
#include "http/endpoint.h"
#include "http/head.h"
#include "http/logins.h"
#include "http/peer.h"
#include "http/router.h"
#include "http/server.h"
#include "http/uri.h"
#include "text/trace.h"

enum {
	REQUESTS_PER_CONNECTION = 10000,
	BODY_BUDGET = 64 * 1024 * 1024, /* bytes of all request bodies in memory */
	/*
	 * How long a connection stays in MHD's set while its handler runs. Suspending and resuming
	 * it costs three system calls, half of what a GET of a key costs.
	 */
	AWAIT_MS = 1,
	IDLE_MS = 60000,
	SETTLE_MS = 100,
	HANDSHAKE_MS = 5000,	/* of TLS, if limits.header_deadline is not shorter */
	STILL_MS = 64,		/* see pump_timeout_ms() */
	STALLED_MS = 5000,	/* a client that reads nothing of a reply for so long is cut off */
	ENDED_LOOK_MS = 1000,	/* interval of looking for clients that have disconnected */
	ENDED_LOOK_FULL_MS = 5, /* the same while no connection is free */
	/*
	 * MHD's memory for each connection: the whole head, its records of the fields, a second
	 * copy of the cookies, and the head of the reply.
	 */
	CONNECTION_MEMORY = 24 * 1024,
	RESERVED_FDS = 64,
	ACCEPT_RETRY_MS = 1000,
	HANDLER_CLEANUP_MS = 5000, /* the limit of cleanup sections, base/fiber.h */
	DRAIN_GRACE_MS = 1000,	   /* for connections that have not sent a request yet */
	ID_BYTES = 64,
};

struct lingerer;
struct stream;

/* See stream.c. */
struct streams {
	size_t count;
	struct stream *first, *last; /* those that were woken, and not resumed yet */
	struct loop_pump pump;
};

struct http_server {
	struct loop *loop;
	struct log *log;
	void *context;
	struct conf *conf; /* in force; NULL before the first commit */
	struct router *router;
	struct listener *listeners; /* in force or draining */
	struct listener *pending;   /* bound by prepare, not yet in force */
	struct peers *peers;
	struct limits *token_limits;
	struct logins *logins;
	struct access_log *access;
	struct deadlines deadlines;
	struct fiber_group requests; /* the fibers of handlers */
	struct request *spare;	     /* requests to use again */
	size_t spare_count;
	size_t connections, max_connections;
	size_t body_bytes;
	size_t reply_bytes; /* of replies in flight */
	uint64_t next_id;
	bool draining;
	bool accept_paused;
	uv_timer_t accept_retry;
	uv_timer_t ended_look;
	int64_t checked_at_ms;	 /* when connections_disown_ended() ran last, by the loop's clock */
	struct loop_flush sweep; /* closes listeners that have drained */
	struct fiber_cond drained;
	struct lingerer *lingering; /* connections of refused requests whose clients still send */
	size_t lingering_count;
	struct streams streams;
	struct http_observer observer;
	unsigned handles; /* open handles of libuv inside this structure */
};

struct listener {
	struct http_server *server;
	struct listener *next;
	struct conf_listen wanted; /* what it was made for; strings are copies */
	int passed_index;	   /* of systemd's sockets */
	struct endpoint endpoint;
	struct tls_server *tls; /* for new connections; NULL = plain */
	struct MHD_Daemon *mhd;
	struct loop_pump pump;
	uv_poll_t accept_poll, mhd_poll;
	unsigned handles;
	struct connection *entering; /* passed to MHD, which has not announced it yet */
	size_t connections;
	size_t awaited; /* requests whose reply is awaited, see AWAIT_MS */
	int64_t run_ns; /* when MHD was run last */
	bool moved;	/* whether that run progressed with any request */
	unsigned still; /* with TLS: runs since then that moved nothing */
	bool draining;
	bool keep;	    /* in the configuration that is being prepared */
	bool replaced;	    /* there, by another listener on the same socket */
	unsigned next_mode; /* of the socket file, in that configuration */
};

struct connection {
	struct deadline deadline;
	struct listener *listener;
	struct peer *peer;
	int fd;		      /* MHD's: only for peeking and shutdown(2) */
	struct tls_link *tls; /* NULL = plain */
	unsigned requests;
	struct request *request; /* whose handler runs in a fiber; else NULL */
	struct stream *stream;	 /* that is its reply at the moment; else NULL */
	uint64_t progress_mark;	 /* progress_mark() of its reply */
	int64_t progress_at_ms;	 /* when it changed last, by the loop's clock; 0 = not known */
	bool leaving;		 /* its client has disconnected while its handler only waited */
	/*
	 * References: MHD's, and that of a handler whose client has disconnected. The connection
	 * counts until the handler has ended, which bounds the number of handlers.
	 */
	unsigned holds;
};

enum request_state {
	REQUEST_NEW,	 /* the target is known, the head is still coming */
	REQUEST_BODY,	 /* admitted; its body is being collected */
	REQUEST_RUNNING, /* the handler has it */
	REQUEST_QUEUED,	 /* the reply is MHD's */
};

struct request {
	struct http_server *server;
	struct connection *connection; /* NULL when it, or MHD's part in this request, has ended */
	struct connection *disowned; /* whose client has left while the fiber still runs, or NULL */
	struct MHD_Connection *mhd;
	struct conf *conf;
	enum request_state state;
	unsigned holds;	     /* references: MHD's, and the fiber's while the handler runs in one */
	struct fiber *fiber; /* the handler's; NULL before and after that */
	bool awaited;	     /* while its handler runs: MHD asks for the reply each time it runs, */
	bool suspended;	     /* or, later, not until there is one */
	bool refused;	     /* by the gate: MHD closes the connection and reads no body */
	bool overloaded;     /* the body did not fit into the budget and was dropped */
	struct buf target;   /* decoded in place: the segments of `uri` lie in it */
	struct uri uri;
	struct head head;
	struct buf head_text; /* what `head` points into */
	struct router_match match;
	struct auth auth;
	char id[ID_BYTES + 1];
	char trace[TRACE_PARENT_BYTES + 1]; /* "" = the request belongs to none */
	struct buf body;
	struct arena arena;  /* while its handler runs */
	size_t body_charged; /* of the budget of bodies */
	int64_t began_ns;
	size_t reply_charged;	  /* of the budget of replies in flight */
	struct buf reply_headers; /* "name\0value\0" each */
	bool retry_after_set;
	unsigned own_security;	       /* which of reply.c's security headers the handler has set */
	struct MHD_Response *response; /* to be queued */
	struct stream *stream;	       /* that it is the reply of; NULL = none, or ended */
	bool streams;		       /* the reply is, or was, a stream */
	int status;
	enum error error; /* of the reply; OK if it is not an error */
	struct request *next_spare;
};

/* listener.c */

/* What a listener is made for. */
struct listener_plan {
	const struct conf_listen *wanted;
	int passed_index;
	struct tls_server *tls;	 /* NULL = plain HTTP; not used with a Unix socket */
	struct listener *in_use; /* the listener whose socket it takes over; NULL = none */
};
/* A listener for one bound or passed socket, with its MHD daemon; not yet accepting. */
enum error listener_new(struct http_server *server, const struct listener_plan *plan,
	struct listener **ret, struct fault *fault);
void listener_start(struct listener *listener);
void listener_accept(struct listener *listener, bool on);
/* For connections from now on; changes neither TLS to plain HTTP nor back. */
void listener_set_tls(struct listener *listener, struct tls_server *tls);
/* Sets the mode of its socket file; does nothing for other kinds. */
void listener_set_mode(struct listener *listener, unsigned mode);
/* Accepts what has connected already, then closes the socket. */
void listener_quiesce(struct listener *listener);
/* It has no connections. The memory is freed when libuv has closed its handles. */
void listener_close(struct listener *listener);

/* connection.c */

/* MHD_OPTION_NOTIFY_CONNECTION; `context` is the listener. */
void connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
	enum MHD_ConnectionNotificationCode code);
/* Takes `fd` over. */
void connection_enter(
	struct listener *listener, int fd, const struct sockaddr *address, socklen_t n);
void connection_expired(struct deadlines *deadlines, struct deadline *deadline, enum phase phase);
/* Gives one reference back. */
void connection_drop(struct connection *connection);
/* Whether it is between two requests. */
bool connection_idle(const struct connection *connection);
/* Closes it at once. */
void connection_cut(struct connection *connection);
/* Closes it after the requests that have arrived already. */
void connection_finish(struct connection *connection);
struct connection *connection_of(struct deadline *deadline);
/* Finishes idle connections, those of `only` or (NULL) all. */
void connections_close_idle(struct http_server *server, const struct listener *only);
void connections_cut_all(struct http_server *server);
/* Whether limits.connections is reached; then the longest idle connection is cut. */
bool connections_full(struct http_server *server);

/* connection_watch.c */

/*
 * Whether the client has closed its sending side, and all that it sent was read. MHD does not
 * notice if that came with the last request: it stops reading at the first short read.
 */
bool connection_at_eof(const struct connection *connection);
/* Whether the client has closed its sending side, unread bytes or not. */
bool connection_peer_closed(const struct connection *connection);
/*
 * Notes how much of its reply the client has read; false if that was nothing for `ms`. To be called
 * regularly.
 */
bool connection_check_progress(struct connection *connection, int64_t ms);
/* Cuts connections whose client ended in the middle of a request. */
void connections_cut_ended(struct http_server *server);
/* The client of `request`, which runs in a fiber, has disconnected. */
void connection_disown(struct connection *connection, struct request *request);
/*
 * Disowns the handlers whose clients have disconnected; those that only wait then end. A client
 * that has closed only its sending side counts as disconnected: the two cannot be told apart.
 */
void connections_disown_ended(struct http_server *server);
/* The same while no connection is free, at most every ENDED_LOOK_FULL_MS. */
void connections_disown_for_room(struct http_server *server);
/*
 * Does both, cuts connections whose client reads nothing of its reply for STALLED_MS, and looks
 * after streams, every ENDED_LOOK_MS while there is any of these.
 */
void connections_watch(struct http_server *server);

/* server.c */

/* Until a connection ends or, with `retry`, for ACCEPT_RETRY_MS. */
void server_pause_accept(struct http_server *server, bool retry);
/* Whether accepting is paused with `retry`. */
bool server_accept_waits(const struct http_server *server);
void server_resume_accept(struct http_server *server);

/* exchange.c: MHD's callbacks for a request; `context` is the listener */

void *exchange_target(void *context, const char *target, struct MHD_Connection *mhd);
enum MHD_Result exchange_handle(void *context, struct MHD_Connection *mhd, const char *url,
	const char *method, const char *version, const char *data, size_t *data_n,
	void **request_context);
void exchange_completed(void *context, struct MHD_Connection *mhd, void **request_context,
	enum MHD_RequestTerminationCode code);

/* linger.c */

/* Goes on reading from the socket of `fd` (MHD's) for a while after MHD has closed it. */
void linger_begin(struct http_server *server, int fd);
void linger_end_all(struct http_server *server);

/* admit.c */

/* All checks before the body, in the gate's order. On an error, the reply's headers are set. */
enum error admit_request(struct request *request, struct fault *fault);
/* Counts an invalid token and sets the headers of the refusal; ERR_TOO_MANY_REQUESTS or `error`. */
enum error admit_refuse_caller(struct request *request, enum error error, struct fault *fault);
/*
 * For a request that was refused: whether its route is known and its caller may use it. Counts
 * towards the caller's rates.
 */
bool admit_may_use(struct request *request);

/* reply.c */

/* The end of a reply: takes the response over. */
void reply_response(struct request *request, int status, const char *content_type,
	struct MHD_Response *response);

/* stream.c */

void streams_begin(struct http_server *server);
void streams_free(struct http_server *server);
/* MHD has got the response. */
void stream_begin(struct stream *stream);
/* MHD is done with the request. */
void stream_detach(struct stream *stream);
/* Ends the streams of `only`, or (NULL) all. */
void streams_end(struct http_server *server, const struct listener *only);
/* Ends those whose callers may not do the same any more. */
void streams_configure(struct http_server *server, struct conf *conf);
/* Ends those whose clients have left or do not read, or whose tokens have expired. */
void streams_look_after(struct http_server *server);

/* reply_room.c: the budget of replies in flight */

/* Before the handler runs: whether there is room for a reply at all. */
enum error reply_room_admit(const struct request *request, struct fault *fault);
/* Claims the bytes of a reply that exists already, whether there is room or not. */
void reply_room_force(struct request *request, size_t bytes);
/* While the request has its connection, or the one that its client has left. */
void reply_room_release(struct request *request);

/* request.c */

/* Whether it changes nothing, so that it can be repeated. */
bool request_only_reads(const struct request *request);

struct request *request_take(struct connection *connection);
/* Gives one reference back. */
void request_drop(struct request *request);
void requests_free_spare(struct http_server *server);
void request_set_id(struct request *request);
void request_set_trace(struct request *request);

#endif
