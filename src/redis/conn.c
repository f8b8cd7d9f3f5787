/* SPDX-License-Identifier: MIT */
/* The life of a connection: attempts, states, backoff; see conn.h. */
#include <assert.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/random.h"
#include "redis/conn_internal.h"

enum {
	min_backoff_ms = 50,
	max_backoff_ms = 500,	   /* so that service is back within a second of Redis's return */
	backoff_refused_ms = 2000, /* Redis answered with a refusal */
	min_backoff_auth_ms = 5000,
	max_backoff_auth_ms = 30000,
	password_look_ms = 500,	   /* how often a refused password's file is looked at */
	min_password_run_ms = 500, /* between two runs of the command that has printed it */
	max_password_run_ms = 10000,
	lasting_ms = 1000, /* after so long a connection counts as successful */
	dns_patience_ms = 200,
};

static int64_t now_ms(const struct conn *conn)
{
	return (int64_t)uv_now(loop_uv(conn->loop));
}

static void timer_fired(uv_timer_t *timer);

void conn_set_timer(struct conn *conn, int64_t delay_ms)
{
	uv_timer_start(&conn->timer, timer_fired, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
}

static int64_t random_below(struct conn *conn, int64_t bound)
{
	return (int64_t)(random_unit(&conn->random) * (double)bound);
}

static int64_t grown(int64_t least, unsigned attempts, int64_t most)
{
	int64_t bound = least << (attempts < 16 ? attempts : 16);

	return bound < most ? bound : most;
}

static int64_t backoff_ms(struct conn *conn, enum error error)
{
	int64_t bound;

	switch (error) {
	case ERR_REDIS_AUTH:
	case ERR_REDIS_NOPERM:
		bound = grown(min_backoff_auth_ms, conn->attempts, max_backoff_auth_ms);
		return min_backoff_auth_ms + random_below(conn, bound);
	case ERR_REDIS_ERROR:
		bound = backoff_refused_ms;
		break;
	default:
		bound = max_backoff_ms;
	}
	return 1 + random_below(conn, grown(min_backoff_ms, conn->attempts, bound));
}

/*
 * A refused password is not sent again before its time, but another one, in the file or printed by
 * the command, is at once: when to look for it.
 */
static int64_t look_ms(const struct conn *conn)
{
	if (conn->last.error != ERR_REDIS_AUTH)
		return INT64_MAX;
	if (password_has_command(conn->config->printed))
		return grown(min_password_run_ms, conn->attempts, max_password_run_ms);
	return conn->config->password_file ? password_look_ms : INT64_MAX;
}

static void wait_to_retry(struct conn *conn, int64_t retry_at_ms)
{
	int64_t left = retry_at_ms - now_ms(conn), look = look_ms(conn);

	conn->retry_at_ms = retry_at_ms;
	conn_set_timer(conn, look < left ? look : left);
}

/* What the command prints is compared once there is a link. */
static bool may_retry(const struct conn *conn)
{
	struct file_stamp now;

	if (look_ms(conn) == INT64_MAX || now_ms(conn) >= conn->retry_at_ms ||
		password_has_command(conn->config->printed))
		return true;
	now = file_stamp_now(conn->config->password_file);
	return !file_stamp_equal(&now, &conn->password_stamp);
}

void conn_set_state(struct conn *conn, enum conn_state state)
{
	switch (state) {
	case CONN_WAITING:
	case CONN_CLOSED:
		conn_link_drop(conn);
		loop_flush_cancel(conn->loop, &conn->flush);
		password_forget(&conn->ask);
		file_forget(&conn->password);
		pipeline_free(conn->handshake);
		conn->handshake = NULL;
		resp_free(conn->reader);
		conn->reader = NULL;
		break;
	case CONN_RESOLVING:
	case CONN_CONNECTING:
	case CONN_TLS:
		break;
	case CONN_PASSWORD:
	case CONN_HANDSHAKE:
		resp_free(conn->reader);
		conn->reader = resp_new();
		break;
	case CONN_READY:
		file_forget(&conn->password);
		conn->has_refused = conn->turned_away = false;
		uv_timer_stop(&conn->timer);
		conn->ready_at_ms = now_ms(conn);
		break;
	}
	bool moved = state != conn->state;
	conn->state = state;
	if (moved && state != CONN_CLOSED)
		conn->events->moved(conn->context);
}

/* A hang counts once per waiting command. */
static int64_t weight_of(const struct conn *conn, const struct fault *fault)
{
	return fault->error == ERR_TIMEOUT && conn->waiting ? (int64_t)conn->waiting : 1;
}

static void fail(struct conn *conn, const struct fault *fault, bool hung)
{
	int64_t weight = weight_of(conn, fault);
	bool lasted = conn->state == CONN_READY && now_ms(conn) - conn->ready_at_ms >= lasting_ms;

	conn->hung = hung;
	conn->turned_away = false;
	conn->last = *fault;
	if (conn->last.error == ERR_REDIS_UNKNOWN_OUTCOME || conn->last.error == ERR_TIMEOUT)
		conn->last.error = ERR_REDIS_UNAVAILABLE;
	conn->attempts = lasted ? 0 : conn->attempts + 1;
	conn_fail_queue(conn, conn->state == CONN_READY ? fault : &conn->last);
	conn_set_state(conn, CONN_WAITING);
	wait_to_retry(conn, now_ms(conn) + backoff_ms(conn, fault->error));
	conn->events->failed(conn->context, &conn->last, weight);
}

void conn_fail(struct conn *conn, const struct fault *fault)
{
	fail(conn, fault, fault->error == ERR_TIMEOUT);
}

void conn_wait_on(struct conn *conn)
{
	conn->attempts++;
	conn->hung = false;
	conn_fail_queue(conn, &conn->last);
	conn_set_state(conn, CONN_WAITING);
	wait_to_retry(conn, conn->retry_at_ms);
	conn->events->failed(conn->context, &conn->last, 1);
}

bool conn_closed_idle(struct conn *conn)
{
	if (conn->state != CONN_READY || conn->first ||
		now_ms(conn) - conn->ready_at_ms < lasting_ms)
		return false;
	fault_set(&conn->last, ERR_REDIS_UNAVAILABLE, "Redis at %s closed an idle connection",
		conn->config->name);
	conn->attempts = 0;
	conn_set_state(conn, CONN_WAITING);
	wait_to_retry(conn, now_ms(conn) + backoff_ms(conn, ERR_REDIS_UNAVAILABLE));
	return true;
}

static void fail_unreachable(struct conn *conn, const char *why)
{
	struct fault fault;

	fault_set(&fault, ERR_REDIS_UNAVAILABLE, "Redis at %s cannot be reached: %s",
		conn->config->name, why);
	conn_fail(conn, &fault);
}

/* In the handshake. */
static void fail_silent(struct conn *conn)
{
	bool held_back = conn->writes && conn->second;
	struct fault fault;

	if (held_back)
		fault_set(&fault, ERR_REDIS_UNAVAILABLE,
			"Redis at %s answers, but not to commands that write: it holds them back "
			"(CLIENT PAUSE, as during a failover)",
			conn->config->name);
	else
		fault_set(&fault, ERR_REDIS_UNAVAILABLE,
			"Redis at %s cannot be reached: it accepts connections but does not answer",
			conn->config->name);
	fail(conn, &fault, true);
}

static void connect_next(struct conn *conn)
{
	int status = UV_EADDRNOTAVAIL;

	conn_set_state(conn, CONN_CONNECTING);
	while (conn->address < conn->resolver.count) {
		status = conn_link_open_tcp(
			conn, (struct sockaddr *)&conn->resolver.addresses[conn->address++]);
		if (status == 0)
			return;
	}
	fail_unreachable(conn, uv_strerror(status));
}

static void connect_tcp(struct conn *conn)
{
	conn->address = 0;
	conn_set_timer(conn, conn->deadline_ms - now_ms(conn));
	connect_next(conn);
}

static void connect_unix(struct conn *conn)
{
	conn_set_state(conn, CONN_CONNECTING);
	if (strlen(conn->config->path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		fail_unreachable(conn, "the path of a Unix socket has at most 107 bytes");
	else
		conn_link_open_unix(conn, conn->config->path);
}

void conn_refused(struct conn *conn, int status)
{
	conn_link_drop(conn);
	if (conn->config->host && conn->address < conn->resolver.count)
		connect_next(conn);
	else
		fail_unreachable(conn, uv_strerror(status));
}

static void resolved(struct resolver *resolver, int status)
{
	struct conn *conn = (struct conn *)((char *)resolver - offsetof(struct conn, resolver));

	if (conn->state != CONN_RESOLVING)
		return;
	if (resolver->count)
		connect_tcp(conn);
	else
		fail_unreachable(conn, uv_strerror(status));
}

static void attempt(struct conn *conn)
{
	int64_t timeout_ms = conn->config->connect_timeout_ms;

	conn->deadline_ms = now_ms(conn) + timeout_ms;
	conn_set_timer(conn, timeout_ms);
	if (!conn->config->host && !conn->config->path) {
		if (conn->config->no_address.error)
			conn_fail(conn, &conn->config->no_address);
	} else if (!conn->config->host) {
		connect_unix(conn);
	} else if (conn->resolver.numeric) {
		connect_tcp(conn);
	} else {
		conn_set_state(conn, CONN_RESOLVING);
		resolver_ask(&conn->resolver);
		if (conn->resolver.count && timeout_ms > dns_patience_ms)
			conn_set_timer(conn, dns_patience_ms);
	}
}

static void timer_fired(uv_timer_t *timer)
{
	struct conn *conn = timer->data;
	struct fault fault;

	switch (conn->state) {
	case CONN_WAITING:
		if (may_retry(conn))
			attempt(conn);
		else
			wait_to_retry(conn, conn->retry_at_ms);
		break;
	case CONN_RESOLVING:
		if (conn->resolver.count)
			connect_tcp(conn);
		else
			fail_unreachable(conn, "its host name was not resolved in time");
		break;
	case CONN_CONNECTING:
		fail_unreachable(conn, "the connection timed out");
		break;
	case CONN_TLS:
		fail_unreachable(conn, "it accepts connections but does not answer the TLS "
				       "handshake; does it speak TLS on this port?");
		break;
	case CONN_PASSWORD:
		fault_set(
			&fault, ERR_REDIS_AUTH, "redis.password_command has not answered in time");
		conn_fail(conn, &fault);
		break;
	case CONN_HANDSHAKE:
		if (!conn_handshake_again(conn))
			fail_silent(conn);
		break;
	case CONN_READY:
	case CONN_CLOSED:
		break;
	}
}

static void take_address(struct conn *conn)
{
	const struct conn_config *config = conn->config;

	resolver_release(&conn->resolver);
	if (!config->host)
		return;
	resolver_init(&conn->resolver, loop_uv(conn->loop), config->host, config->port);
	conn->resolver.answered = resolved;
}

struct conn *conn_new(struct loop *loop, const struct conn_config *config,
	const struct conn_events *events, void *context)
{
	struct conn *conn = mem_new(struct conn);

	conn->loop = loop;
	conn->config = config;
	conn->events = events;
	conn->context = context;
	conn->flush.flush = conn_link_flush;
	conn->input = mem_alloc(CONN_INPUT_BYTES);
	conn->random = uv_hrtime() ^ (uint64_t)(uintptr_t)conn;
	fault_set(&conn->last, ERR_REDIS_UNAVAILABLE, "no connection to Redis at %s yet",
		config->name);
	uv_timer_init(loop_uv(loop), &conn->timer);
	conn->timer.data = conn;
	conn_queue_init(conn);
	conn->open_handles = 2;
	take_address(conn);
	conn_set_timer(conn, 0);
	return conn;
}

void conn_subscribe(struct conn *conn, const char *channel)
{
	assert(conn->events->received);
	conn->channel = channel;
}

void conn_write(struct conn *conn)
{
	conn->writes = true;
}

bool conn_turned_away(const struct conn *conn)
{
	return conn->turned_away;
}

bool conn_hung(const struct conn *conn)
{
	return conn->hung;
}

static void timer_closed(uv_handle_t *handle)
{
	struct conn *conn = handle->data;

	if (--conn->open_handles > 0)
		return;
	buf_release(&conn->out);
	mem_free(conn->input);
	mem_free(conn);
}

void conn_free(struct conn *conn, const struct fault *fault)
{
	if (!conn)
		return;
	conn_fail_queue(conn, fault);
	conn_set_state(conn, CONN_CLOSED);
	resolver_release(&conn->resolver);
	uv_close((uv_handle_t *)&conn->timer, timer_closed);
	uv_close((uv_handle_t *)&conn->watch, timer_closed);
}

void conn_retry(struct conn *conn)
{
	conn->attempts = 0;
	if (conn->state == CONN_WAITING)
		wait_to_retry(conn, now_ms(conn));
}

void conn_readdress(struct conn *conn, const struct fault *why)
{
	conn->attempts = 0;
	if (why) {
		conn->last = *why;
		conn_fail_queue(conn, why);
	}
	conn_set_state(conn, CONN_WAITING);
	take_address(conn);
	wait_to_retry(conn, now_ms(conn));
}
