/* SPDX-License-Identifier: MIT */
/*
 * Replies without an end; see stream.h.
 *
 *	stream_wake -> woken list -> a pump resumes some per round -> MHD asks read_some()
 *
 * Special: MHD writes to every connection that was resumed in one go, so a thousand streams are
 * resumed in portions, between which other work has its turn.
 */
#include "http/stream.h"

#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/login.h"
#include "http/server_internal.h"

enum {
	wakes_per_round = 32,
	block_bytes = 1024, /* of MHD, for clients of HTTP/1.0 */
};

struct stream {
	struct http_server *server;
	struct request *request; /* NULL = it has ended */
	struct stream_source source;
	struct stream *next_woken;
	bool woken, suspended, ending;
	int64_t sent_ms; /* when bytes were given to MHD last, by the loop's clock */
};

static int64_t now_ms(const struct http_server *server)
{
	return (int64_t)uv_now(loop_uv(server->loop));
}

static void unlink_woken(struct stream *stream)
{
	struct streams *streams = &stream->server->streams;
	struct stream **at = &streams->first, *before = NULL;

	if (!stream->woken)
		return;
	while (*at != stream) {
		before = *at;
		at = &(*at)->next_woken;
	}
	*at = stream->next_woken;
	if (streams->last == stream)
		streams->last = before;
	stream->woken = false;
}

/* MHD is done with the response, or it was never given to MHD. */
static void response_freed(void *context)
{
	struct stream *stream = context;

	unlink_woken(stream);
	stream->server->streams.count--;
	if (stream->request)
		stream->request->stream = NULL;
	stream->source.ended(stream->source.context);
	mem_free(stream);
}

static ssize_t give(struct stream *stream, size_t n)
{
	stream->sent_ms = now_ms(stream->server);
	stream->request->connection->listener->moved = true;
	return (ssize_t)n;
}

static bool idle_is_due(const struct stream *stream)
{
	return now_ms(stream->server) - stream->sent_ms >= STREAM_IDLE_MS;
}

/* MHD asks for bytes. */
static ssize_t read_some(void *context, uint64_t position, char *to, size_t room)
{
	struct stream *stream = context;
	size_t idle = strlen(stream->source.idle);

	(void)position;
	if (stream->ending || !stream->request)
		return MHD_CONTENT_READER_END_OF_STREAM;
	size_t n = stream->source.read(stream->source.context, to, room);
	if (n)
		return give(stream, n);
	if (idle_is_due(stream) && idle <= room) {
		memcpy(to, stream->source.idle, idle);
		return give(stream, idle);
	}
	stream->suspended = true;
	MHD_suspend_connection(stream->request->mhd);
	return 0;
}

struct stream *stream_reply(
	struct request *request, const char *content_type, const struct stream_source *source)
{
	struct http_server *server = request->server;
	struct stream *stream = mem_new(struct stream);
	struct MHD_Response *response;

	stream->server = server;
	stream->request = request;
	stream->source = *source;
	stream->sent_ms = now_ms(server);
	server->streams.count++;
	request->stream = stream;
	request->streams = true;
	response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, block_bytes, read_some, stream, response_freed);
	if (!response)
		mem_exhausted();
	reply_response(request, 200, content_type, response);
	return stream;
}

void stream_begin(struct stream *stream)
{
	const int bytes = STREAM_SEND_BYTES;

	/* Without it the kernel keeps megabytes for a client that does not read. */
	setsockopt(stream->request->connection->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

void stream_detach(struct stream *stream)
{
	unlink_woken(stream);
	stream->request = NULL;
}

static void resume(struct stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	MHD_resume_connection(stream->request->mhd);
	loop_pump_wake(&stream->request->connection->listener->pump);
}

static void run_pump(struct loop_pump *pump)
{
	struct streams *streams = (struct streams *)((char *)pump - offsetof(struct streams, pump));

	for (int i = 0; i < wakes_per_round && streams->first; i++) {
		struct stream *stream = streams->first;

		streams->first = stream->next_woken;
		if (!streams->first)
			streams->last = NULL;
		stream->woken = false;
		resume(stream);
	}
}

static int64_t pump_timeout_ms(struct loop_pump *pump)
{
	return ((struct streams *)((char *)pump - offsetof(struct streams, pump)))->first ? 0 : -1;
}

void streams_begin(struct http_server *server)
{
	server->streams.pump.run = run_pump;
	server->streams.pump.timeout_ms = pump_timeout_ms;
	loop_pump_add(server->loop, &server->streams.pump);
}

void streams_free(struct http_server *server)
{
	loop_pump_remove(server->loop, &server->streams.pump);
}

void stream_wake(struct stream *stream)
{
	struct streams *streams = &stream->server->streams;

	/* One that is not suspended reads until there is nothing more. */
	if (stream->woken || !stream->suspended)
		return;
	stream->woken = true;
	stream->next_woken = NULL;
	if (streams->last)
		streams->last->next_woken = stream;
	else
		streams->first = stream;
	streams->last = stream;
	loop_pump_wake(&streams->pump);
}

/* MHD sends the end, or finds that the client has left. */
static void end(struct stream *stream)
{
	stream->ending = true;
	stream_wake(stream);
}

void streams_end(struct http_server *server, const struct listener *only)
{
	struct deadline *at = deadlines_first(&server->deadlines, PHASE_STREAM);

	for (; at; at = deadlines_next(&server->deadlines, at)) {
		struct connection *connection = connection_of(at);

		if (connection->stream && (!only || connection->listener == only))
			end(connection->stream);
	}
}

/* Whether its caller still may do the same by `conf`; takes the caller from there. */
static bool keeps_rights(struct stream *stream, struct conf *conf)
{
	struct request *request = stream->request;

	if (!auth_renew(conf, &request->auth))
		return false;
	conf_ref(conf);
	conf_unref(request->conf);
	request->conf = conf;
	return true;
}

void streams_configure(struct http_server *server, struct conf *conf)
{
	struct deadline *at = deadlines_first(&server->deadlines, PHASE_STREAM);

	for (; at; at = deadlines_next(&server->deadlines, at)) {
		struct stream *stream = connection_of(at)->stream;

		if (stream && !keeps_rights(stream, conf))
			end(stream);
	}
}

/* False if the client reads nothing of what was sent. */
static bool check_progress(struct stream *stream, struct connection *connection)
{
	if (stream->suspended) {
		connection->progress_at_ms = 0;
		return true;
	}
	return connection_check_progress(connection,
		stream->ending ? DRAIN_GRACE_MS : stream->request->conf->limits.reply_deadline_ms);
}

/* Whether what its caller was admitted by has ended. */
static bool has_expired(const struct stream *stream)
{
	const struct auth *auth = &stream->request->auth;

	if (auth->token && auth->token->expires_wall_ms >= 0 &&
		auth->token->expires_wall_ms <= clock_wall_ms())
		return true;
	return auth->by_login && login_has_ended(stream->request);
}

static void look_after(struct connection *connection)
{
	struct http_server *server = connection->listener->server;
	struct stream *stream = connection->stream;

	if (connection_peer_closed(connection)) {
		connection_cut(connection);
		end(stream);
	} else if (!check_progress(stream, connection)) {
		connection_expired(&server->deadlines, &connection->deadline, PHASE_REPLY);
	} else if (has_expired(stream)) {
		end(stream);
	} else if (idle_is_due(stream)) {
		stream_wake(stream);
	}
}

void streams_look_after(struct http_server *server)
{
	struct deadline *at = deadlines_first(&server->deadlines, PHASE_STREAM);

	for (; at; at = deadlines_next(&server->deadlines, at))
		if (connection_of(at)->stream)
			look_after(connection_of(at));
}

const struct identity *stream_identity(const struct stream *stream)
{
	return stream->request->auth.identity;
}

const struct conf *stream_conf(const struct stream *stream)
{
	return stream->request->conf;
}

size_t stream_count(const struct http_server *server)
{
	return server->streams.count;
}
