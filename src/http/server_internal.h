/* SPDX-License-Identifier: MIT */
/*
 * What the files of src/http share.
 *
 *	http_server 1--n listener 1--n connection 1--1 request (while there is one)
 *
 * A listener is one socket and one MHD daemon. A connection lives from accept to close, a request
 * from its first line to the last byte of its answer, longer where its handler still runs.
 */
#ifndef CW_HTTP_SERVER_INTERNAL_H
#define CW_HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "conf/conf.h"
#include "http/access_log.h"
#include "http/auth.h"
#include "http/deadline.h"
#include "http/endpoint.h"
#include "http/head.h"
#include "http/peer.h"
#include "http/router.h"
#include "http/server.h"
#include "http/uri.h"

enum {
	REQUESTS_PER_CONNECTION = 10000,
	BODY_BUDGET = 64 * 1024 * 1024, /* of all bodies that are being read or worked on */
	/*
	 * So long the answer of a handler is awaited with its connection at hand: taking that out
	 * of MHD's set and putting it back costs three system calls, half of what a GET of a key
	 * costs.
	 */
	AWAIT_MS = 1,
	IDLE_MS = 60000,
	SETTLE_MS = 100,
	STALLED_MS = 5000,	/* a client that takes nothing of an answer for so long is cut */
	ENDED_LOOK_MS = 1000,	/* how often clients are looked at for having hung up */
	ENDED_LOOK_FULL_MS = 5, /* and that often where places are short */
	/* What MHD keeps for each connection: a full head, the answer's head, its own records. */
	CONNECTION_MEMORY = 24 * 1024,
	RESERVED_FDS = 64,
	ACCEPT_RETRY_MS = 1000,
	HANDLER_CLEANUP_MS = 5000, /* fiber.h's house limit */
	DRAIN_GRACE_MS = 1000,	   /* for connections that have not sent a request yet */
	ID_BYTES = 64,
};

struct lingerer;

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
	struct access_log *access;
	struct deadlines deadlines;
	struct fiber_group requests; /* the fibers of handlers */
	struct request *spare;	     /* requests to use again */
	size_t spare_count;
	size_t connections, max_connections;
	size_t body_bytes;
	size_t reply_bytes; /* of answers in flight */
	uint64_t next_id;
	bool draining;
	bool accept_paused;
	uv_timer_t accept_retry;
	uv_timer_t ended_look;
	int64_t looked_ms; /* when the handlers' clients were looked at last, by the loop's clock */
	struct loop_flush sweep; /* closes listeners that have drained */
	struct fiber_cond drained;
	struct lingerer *lingering; /* refused connections that are still sending */
	size_t lingering_count;
	unsigned handles; /* open handles of libuv inside this structure */
};

struct listener {
	struct http_server *server;
	struct listener *next;
	struct conf_listen wanted; /* what it was made for; strings are copies */
	int passed_index;	   /* of systemd's sockets */
	struct endpoint endpoint;
	struct MHD_Daemon *mhd;
	struct loop_pump pump;
	uv_poll_t accept_poll, mhd_poll;
	unsigned handles;
	struct connection *entering; /* handed to MHD, not yet announced by it */
	size_t connections;
	size_t awaited; /* requests whose answer is awaited, see AWAIT_MS */
	int64_t run_ns; /* when MHD was run last */
	bool moved;	/* whether that got on with any request */
	bool draining;
	bool keep;	    /* by the configuration that prepare looks at */
	unsigned next_mode; /* of the socket file, by that configuration */
};

struct connection {
	struct deadline deadline;
	struct listener *listener;
	struct peer *peer;
	int fd; /* MHD's: only to peek and to shut down */
	unsigned requests;
	struct request *request; /* whose handler runs in a fiber; else NULL */
	uint64_t taken;		 /* a number that changes as the client takes what was sent */
	int64_t taken_ms;	 /* when it changed last, by the loop's clock; 0 = not looked at */
	bool leaving;		 /* its client has hung up, and its handler only waited */
	/*
	 * MHD's, and that of a handler whose client has hung up: the place of a connection is taken
	 * until its work is done, for without that there is no bound on handlers.
	 */
	unsigned holds;
};

enum request_state {
	REQUEST_NEW,	 /* the target is known, the head is still coming */
	REQUEST_BODY,	 /* admitted; its body is being collected */
	REQUEST_RUNNING, /* the handler has it */
	REQUEST_QUEUED,	 /* the answer is MHD's */
};

struct request {
	struct http_server *server;
	struct connection *connection; /* NULL once it, or MHD's part in this request, has ended */
	struct connection *left;       /* held: its fiber may go on after the client has gone */
	struct MHD_Connection *mhd;
	struct conf *conf;
	enum request_state state;
	unsigned holds;	     /* MHD's, and the fiber's while the handler runs in one */
	struct fiber *fiber; /* the handler's; NULL before and after that */
	bool awaited;	   /* while its handler runs: MHD asks for the answer each time it runs, */
	bool suspended;	   /* or, later on, not until there is one */
	bool refused;	   /* by the gate: MHD closes the connection and reads no body */
	bool overloaded;   /* the body did not fit into the budget and was dropped */
	struct buf target; /* decoded in place: the segments of `uri` lie in it */
	struct uri uri;
	struct head head;
	struct buf head_text; /* what `head` points into */
	struct router_match match;
	struct auth auth;
	char id[ID_BYTES + 1];
	struct buf body;
	size_t charged; /* of the budget */
	int64_t began_ns;
	size_t claimed;		  /* of the budget of answers in flight */
	struct buf reply_headers; /* "name\0value\0" each */
	bool retry_after_set;
	unsigned own_security;	       /* which of reply.c's security headers the handler has set */
	struct MHD_Response *response; /* to be queued */
	int status;
	enum error error; /* of the answer; OK where it is none */
	struct request *next_spare;
};

/* listener.c */

/* A listener for one bound or passed socket, with its daemon; not yet accepting. */
enum error listener_new(struct http_server *server, const struct conf_listen *wanted,
	int passed_index, struct listener **ret, struct fault *fault);
void listener_start(struct listener *listener);
void listener_accept(struct listener *listener, bool on);
/* Of its socket file; does nothing to other kinds. */
void listener_set_mode(struct listener *listener, unsigned mode);
/* Takes what has connected already, then accepts no more and closes the socket. */
void listener_quiesce(struct listener *listener);
/* Without connections. Memory goes once libuv has let go of it. */
void listener_close(struct listener *listener);

/* connection.c */

/* MHD_OPTION_NOTIFY_CONNECTION; `context` is the listener. */
void connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
	enum MHD_ConnectionNotificationCode code);
/* Takes `fd` over. */
void connection_enter(
	struct listener *listener, int fd, const struct sockaddr *address, socklen_t n);
void connection_expired(struct deadlines *deadlines, struct deadline *deadline, enum phase phase);
void connection_drop(struct connection *connection); /* one hold less */
/* Whether it is between two requests. */
bool connection_idle(const struct connection *connection);
/* Ends it at once. */
void connection_cut(struct connection *connection);
/* Ends it after what has arrived on it already. */
void connection_finish(struct connection *connection);
struct connection *connection_of(struct deadline *deadline);
/* Closes what is idle: all of the server, or those of one listener. */
void connections_close_idle(struct http_server *server, const struct listener *only);
void connections_cut_all(struct http_server *server);
/* Whether there is no room for one more; then the one that has been idle longest is cut. */
bool connections_full(struct http_server *server);

/* ended.c: clients that have hung up */

/*
 * Whether the client has said that it will ask no more. Where that came with its last request, MHD
 * has missed it: it stops reading at the first short read, and is not told again.
 */
bool connection_ended(const struct connection *connection);
/* Closes those whose client ended in the middle of a request, which can never be answered. */
void connections_cut_ended(struct http_server *server);
/* The client of `request`, which runs in a fiber, has hung up. */
void connection_disown(struct connection *connection, struct request *request);
/*
 * Disowns the handlers whose clients have hung up, so that those end which only wait. A client that
 * has closed its sending side alone has hung up, too: there is no telling the one from the other.
 */
void connections_disown_ended(struct http_server *server);
/* The same where places are short, at most every ENDED_LOOK_FULL_MS. */
void connections_disown_for_room(struct http_server *server);
/* Closes those that take nothing of their answer for STALLED_MS. */
void connections_cut_stalled(struct http_server *server);
/* Has all three done every ENDED_LOOK_MS while there is a request that is read or handled. */
void connections_watch(struct http_server *server);

/* server.c */

/* Until a connection ends; with `retry` also for ACCEPT_RETRY_MS only. */
void server_pause_accept(struct http_server *server, bool retry);
/* Whether it is paused for the time, not for the want of a place. */
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

/* Reads on what comes over `fd` (MHD's) for a while after MHD has closed it. */
void linger_begin(struct http_server *server, int fd);
void linger_end_all(struct http_server *server);

/* admit.c */

/* Every check before the body, in the gate's order. Where it refuses, headers are set already. */
enum error admit_request(struct request *request, struct fault *fault);
/*
 * Of a request that was refused: whether its route is known and its caller may use it. Counts
 * towards the caller's rates.
 */
bool admit_may_use(struct request *request);

/* reply_room.c: the budget of answers in flight */

/* Before the handler runs: whether there is room for any answer of it. */
enum error reply_room_admit(const struct request *request, struct fault *fault);
/* Claims what is there already, room or not. */
void reply_room_force(struct request *request, size_t bytes);
/* While the request has its connection, or the one it was left by. */
void reply_room_release(struct request *request);

/* request.c */

/* Whether it changes nothing, so that it can be asked again. */
bool request_only_reads(const struct request *request);

struct request *request_take(struct connection *connection);
void request_drop(struct request *request); /* one hold less */
void requests_free_spare(struct http_server *server);
void request_set_id(struct request *request);

#endif
