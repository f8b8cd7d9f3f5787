/* SPDX-License-Identifier: MIT */
/*
 * Replies without an end: a source writes into each as its client reads.
 *
 *	stream_reply -> read() until it has nothing -> suspended -> stream_wake() -> read() ...
 *	            -> the client leaves, the server ends it, or the client does not read -> ended()
 *
 * A stream keeps no queue: what was not read is the source's business. What the kernel holds for a
 * client is limited (STREAM_SEND_BYTES); a client that reads nothing of it for
 * limits.reply_deadline is disconnected. A stream ends with the server, with its listener, when its
 * token expires, when its login ends (which it keeps in use), and when a reload changes what its
 * caller may do.
 */
#ifndef CW_HTTP_STREAM_H
#define CW_HTTP_STREAM_H

#include "http/request.h"
#include "http/server.h"

enum { STREAM_IDLE_MS = 15000, STREAM_SEND_BYTES = 32 * 1024 };

struct stream;

struct stream_source {
	/* Writes up to `room` bytes; 0 = there are none now. Must not park. */
	size_t (*read)(void *context, char *to, size_t room);
	/* The stream is gone; called once, and then `context` is not used any more. */
	void (*ended)(void *context);
	void *context;
	const char *idle; /* constant text, sent when nothing else was for STREAM_IDLE_MS */
};

/* Ends the request as a reply_*() does. Not for HEAD. The stream is the server's. */
struct stream *stream_reply(
	struct request *request, const char *content_type, const struct stream_source *source);
/* Its source has more to read. */
void stream_wake(struct stream *stream);
/* The caller, by the configuration in force. Borrowed until the next turn. */
const struct identity *stream_identity(const struct stream *stream);
const struct conf *stream_conf(const struct stream *stream);
/* How many streams there are. */
size_t stream_count(const struct http_server *server);

#endif
