/* SPDX-License-Identifier: MIT */
/*
 * A whole HTTP server on loopback for tests: the loop on the test's thread, its client on another,
 * with plain blocking sockets.
 */
#ifndef CW_TESTS_UNIT_HTTP_WEB_H
#define CW_TESTS_UNIT_HTTP_WEB_H

#include "conf/conf.h"
#include "http/server.h"

/* The client's timeout for each read; nothing here takes so long. */
enum { WEB_TIMEOUT_S = 20 };

struct web {
	struct loop *loop;
	struct log *log;
	struct metrics *metrics;
	struct conf *conf; /* may be changed before web_run() */
	struct conf *next; /* what GET /reload puts in force, by web_load_next() */
	struct http_server *server;
	char *folder; /* temporary, removed at the end */
	char *unix_path;
	int port;
	unsigned calls;	    /* of handlers that count themselves: what must not run twice */
	char *metrics_text; /* at the end, where web_log_to() asked for it; the test frees */
	bool keep_metrics;
	enum error drained; /* by web_run() */
	int64_t drain_ms;   /* how long the server may drain */
	void (*client)(struct web *web);
};

/* `yaml` is added to the listeners (TCP on a free port, and a Unix socket). */
void web_begin(struct web *web, const char *yaml);
/* A second configuration for GET /reload; `yaml` holds its listeners too. */
void web_load_next(struct web *web, const char *yaml);
/* Logs from information on to `fd`, and keeps the metrics. Before web_run(). */
void web_log_to(struct web *web, int fd);
/* Serves until `client` has returned on its thread, then drains, stops and frees everything. */
void web_run(struct web *web, void (*client)(struct web *web));

/* For the client's thread. */
int web_connect(const struct web *web);
/* The same in two steps. */
int web_socket(int family);
void web_connect_socket(const struct web *web, int fd);
int web_connect_unix(const struct web *web);
void web_send(int fd, const char *text);
/* Reads until the other side closes; *ret_n counts. The caller frees. */
char *web_read_all(int fd, size_t *ret_n);
/* Reads one answer with its Content-Length; "" at the end. The caller frees. */
char *web_read_answer(int fd);
/* One exchange on a connection of its own: the whole answer. The caller frees. */
char *web_ask(const struct web *web, const char *request);
/* The status in an answer, 0 where there is none. */
int web_status(const char *answer);

#endif
