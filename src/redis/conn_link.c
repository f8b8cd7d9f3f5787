/* SPDX-License-Identifier: MIT */
/*
 * The link: one socket of a connection, from connect to close.
 *
 * A connection has many links over time, one at a time. What libuv may still use (handle, requests,
 * bytes being written) belongs to the link, which lives until its close callback.
 */
#include <stddef.h>

#include "base/mem.h"
#include "redis/conn_internal.h"

enum { keepalive_seconds = 60, out_keep_bytes = 1 << 20 };

struct link {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} u;
	struct conn *conn; /* NULL once dropped */
	uv_connect_t connect;
	uv_write_t write;
	struct buf writing; /* what libuv still has to write */
	bool write_busy;
	struct tls *tls; /* NULL = none */
};

static void link_closed(uv_handle_t *handle)
{
	struct link *link = handle->data;

	buf_release(&link->writing);
	tls_free(link->tls);
	mem_free(link);
}

void conn_link_drop(struct conn *conn)
{
	struct link *link = conn->link;

	if (!link)
		return;
	if (link->tls)
		conn_tls_end(conn->config->tls, link->tls);
	conn->link = NULL;
	link->conn = NULL;
	uv_close(&link->u.handle, link_closed);
}

static void link_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct link *link = handle->data;

	(void)suggested;
	/* There is a connection: dropping the link ends reading at once (uv_close). */
	*ret = uv_buf_init(link->conn->input, CONN_INPUT_BYTES);
}

static void broken(struct conn *conn, int status)
{
	struct fault fault;

	fault_set(&fault, ERR_REDIS_UNKNOWN_OUTCOME,
		"the connection to Redis at %s broke before it answered (%s)", conn->config->name,
		status == UV_EOF ? "closed by Redis" : uv_strerror(status));
	conn_fail(conn, &fault);
}

static void no_resp(struct conn *conn, const char *what)
{
	struct fault fault;

	fault_set(&fault, ERR_REDIS_PROTOCOL,
		"%s at %s; is it a Redis server that listens there, %s TLS?", what,
		conn->config->name, conn->config->tls->on ? "behind" : "without");
	conn_fail(conn, &fault);
}

/* Feeds the reader; stops if a reply closed the link. */
static void take_input(struct link *link, struct slice input)
{
	struct conn *conn = link->conn;

	while (input.n > 0 && link->conn) {
		struct redis_value *reply = NULL;
		size_t used = 0;
		enum resp_result result = resp_feed(conn->reader, input, &used, &reply);

		if (result == RESP_BAD) {
			no_resp(conn, "the server sent bytes that are not a Redis reply");
			return;
		}
		if (result != RESP_MORE && !conn_deliver(conn, reply)) {
			redis_value_free(reply);
			no_resp(conn, "the server sent a reply without a request");
			return;
		}
		input = slice_skip(input, used);
	}
}

/* The peer has ended the stream. */
static void take_end(struct link *link)
{
	if (!conn_closed_idle(link->conn))
		broken(link->conn, UV_EOF);
}

static void flush(struct link *link);

/* The session could not be made, or the peer ended it with an alert. */
static void tls_failed(struct link *link, const struct fault *why)
{
	struct conn *conn = link->conn;
	struct fault fault;

	/* Sends the alert, as far as the socket takes it now. */
	flush(link);
	if (!link->conn)
		return;
	if (conn->state == CONN_READY)
		/* What was sent may have been done. */
		fault_set(&fault, ERR_REDIS_UNKNOWN_OUTCOME,
			"the TLS session with Redis at %s broke before it answered: %s",
			conn->config->name, why->detail);
	else
		fault_set(&fault, ERR_REDIS_UNAVAILABLE, "Redis at %s cannot be reached by TLS: %s",
			conn->config->name, why->detail);
	conn_fail(conn, &fault);
}

static void go_on_with_handshake(struct link *link)
{
	struct fault fault;
	bool done = false;

	if (tls_handshake(link->tls, &done, &fault)) {
		tls_failed(link, &fault);
		return;
	}
	flush(link);
	if (done && link->conn)
		conn_linked(link->conn);
}

/* Passes the content of the records to the reader. */
static void take_records(struct link *link)
{
	while (link->conn && link->conn->state != CONN_TLS) {
		struct fault fault;
		size_t n = 0;

		switch (tls_read(link->tls, link->conn->input, CONN_INPUT_BYTES, &n, &fault)) {
		case TLS_READ_SOME:
			take_input(link, slice_of(link->conn->input, n));
			break;
		case TLS_READ_NONE:
			flush(link);
			return;
		case TLS_READ_END:
			take_end(link);
			return;
		case TLS_READ_BROKEN:
			tls_failed(link, &fault);
			return;
		}
	}
}

static void link_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *input)
{
	struct link *link = stream->data;

	if (n == UV_EOF) {
		take_end(link);
		return;
	}
	if (n < 0) {
		broken(link->conn, (int)n);
		return;
	}
	struct slice bytes = slice_of(input->base, (size_t)n);

	if (!link->tls) {
		take_input(link, bytes);
		return;
	}
	tls_receive(link->tls, bytes);
	if (link->conn->state == CONN_TLS)
		go_on_with_handshake(link);
	take_records(link);
}

static void begin_tls(struct link *link)
{
	struct fault fault;

	conn_set_state(link->conn, CONN_TLS);
	if (conn_tls_begin(link->conn->config->tls, link->conn->config->host, &link->tls, &fault))
		tls_failed(link, &fault);
	else
		go_on_with_handshake(link);
}

static void link_connected(uv_connect_t *request, int status)
{
	struct link *link = request->data;

	if (!link->conn)
		return;
	if (status == 0)
		status = uv_read_start(&link->u.stream, link_alloc, link_read);
	if (status)
		conn_refused(link->conn, status);
	else if (link->conn->config->tls->on)
		begin_tls(link);
	else
		conn_linked(link->conn);
}

static struct link *link_new(struct conn *conn)
{
	struct link *link = mem_new(struct link);

	link->conn = conn;
	link->connect.data = link;
	link->write.data = link;
	conn->link = link;
	conn->out.n = 0;
	conn->appended = conn->handed = 0;
	return link;
}

void conn_link_open_unix(struct conn *conn, const char *path)
{
	struct link *link = link_new(conn);

	uv_pipe_init(loop_uv(conn->loop), &link->u.pipe, 0);
	link->u.handle.data = link;
	uv_pipe_connect(&link->connect, &link->u.pipe, path, link_connected);
}

int conn_link_open_tcp(struct conn *conn, const struct sockaddr *address)
{
	struct link *link = link_new(conn);

	uv_tcp_init(loop_uv(conn->loop), &link->u.tcp);
	link->u.handle.data = link;
	/* Before the socket exists libuv stores both for later. */
	uv_tcp_nodelay(&link->u.tcp, 1);
	uv_tcp_keepalive(&link->u.tcp, 1, keepalive_seconds);
	int status = uv_tcp_connect(&link->connect, &link->u.tcp, address, link_connected);

	if (status)
		conn_link_drop(conn);
	return status;
}

static void link_written(uv_write_t *request, int status)
{
	struct link *link = request->data;

	buf_release(&link->writing);
	link->write_busy = false;
	if (!link->conn)
		return;
	if (status)
		broken(link->conn, status);
	else
		flush(link);
}

/* What the kernel did not take is passed to libuv with its memory. */
static int write_rest(struct link *link, struct buf *out, size_t done)
{
	link->writing = *out;
	*out = (struct buf){0};
	link->write_busy = true;
	uv_buf_t rest = uv_buf_init(link->writing.p + done, (unsigned)(link->writing.n - done));

	return uv_write(&link->write, &link->u.stream, &rest, 1, link_written);
}

/* The bytes to send, encrypted if need be. NULL if the session is broken. */
static struct buf *bytes_to_send(struct link *link)
{
	struct buf *out = &link->conn->out;

	if (!link->tls)
		return out;
	if (!tls_write(link->tls, buf_slice(out)))
		return NULL;
	buf_clear(out);
	return tls_output(link->tls);
}

static void flush(struct link *link)
{
	struct conn *conn = link->conn;
	struct buf *out;

	if (link->write_busy)
		return;
	out = bytes_to_send(link);
	if (!out) {
		broken(conn, UV_EPROTO);
		return;
	}
	if (out->n == 0)
		return;
	uv_buf_t bytes = uv_buf_init(out->p, (unsigned)out->n);
	int n = uv_try_write(&link->u.stream, &bytes, 1);

	if (n == UV_EAGAIN)
		n = 0;
	/* What Redis sent before it closed is read next, and then the end. */
	if (n == UV_EPIPE) {
		if (conn->state == CONN_HANDSHAKE)
			conn->handed = conn->appended;
		out->n = 0;
		return;
	}
	conn->handed = conn->appended;
	int status = n < 0 ? n : 0;

	if (n >= 0 && (size_t)n < out->n)
		status = write_rest(link, out, (size_t)n);
	else if (out->cap > out_keep_bytes)
		buf_release(out);
	else
		out->n = 0;
	if (status < 0)
		broken(conn, status);
}

void conn_link_flush(struct loop_flush *flush_later)
{
	struct conn *conn = (struct conn *)((char *)flush_later - offsetof(struct conn, flush));

	/* There is a link: with it goes the request to write (conn_set_state). */
	flush(conn->link);
}
