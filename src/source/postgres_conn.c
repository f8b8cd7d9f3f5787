/* SPDX-License-Identifier: MIT */
/*
 * libpq on the loop; see postgres_conn.h.
 *
 * Special: libpq collects a row of any size before it gives it, in COPY as well, and cannot skip
 * it. So we count what it reads for one row, by what waits in the socket before and after: at least
 * so much, in practice half of it or more.
 */
#include "source/postgres_conn.h"

#include <string.h>
#include <sys/ioctl.h>

#include "base/loop.h"
#include "base/mem.h"
#include "conf/file.h"
#include "source/postgres_fault.h"
#include "source/transport.h"

enum {
	connect_ms = 10000,
	row_slack = 4 << 20, /* above the limit of a row, within which it only is rejected */
	row_swells = 1 << 20,
	min_read = 8192, /* libpq reads so much at once, if it is there */
};

/* What is asked of libpq beside the dsn, which it stands behind and so takes precedence over. */
enum { key_dsn, key_encoding, key_name, key_password, key_count };
static const char *const keys[key_count + 1] = {[key_dsn] = "dbname",
	[key_encoding] = "client_encoding",
	[key_name] = "fallback_application_name",
	[key_password] = "password"};

/* Our own struct, because libuv closes a handle in a later turn. */
struct socket_watch {
	uv_poll_t poll;
	int fd;
	bool ready;
	struct postgres_conn *conn; /* NULL: it is being closed */
};

struct postgres_conn {
	struct postgres_steps *steps;
	PGconn *pg; /* NULL before the first step */
	char *values[key_count + 1];
	struct socket_watch *watch; /* NULL = none */
	struct fiber *waiter;
	uv_work_t work;
	bool working;	/* a step is in the thread pool */
	bool abandoned; /* closed meanwhile */
	PostgresPollingStatusType polling;
	int64_t max_row; /* bytes of a row that is collected */
	int64_t unread;	 /* bytes of the row that is being collected */
	bool swollen;
};

struct postgres_steps *postgres_conn_steps_new(uv_loop_t *uv)
{
	struct postgres_steps *steps = mem_new(struct postgres_steps);

	steps->uv = uv;
	steps->references = 1;
	return steps;
}

void postgres_conn_steps_unref(struct postgres_steps *steps)
{
	if (--steps->references == 0)
		mem_free(steps);
}

static void forget_login(struct postgres_conn *conn)
{
	for (size_t i = 0; i < key_count; i++) {
		if (conn->values[i])
			explicit_bzero(conn->values[i], strlen(conn->values[i]));
		mem_free(conn->values[i]);
		conn->values[i] = NULL;
	}
}

static void watch_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

/* Before libpq may close the descriptor. */
static void drop_watch(struct postgres_conn *conn)
{
	if (!conn->watch)
		return;
	conn->watch->conn = NULL;
	uv_close((uv_handle_t *)&conn->watch->poll, watch_closed);
	conn->watch = NULL;
}

static void dispose(struct postgres_conn *conn)
{
	PQfinish(conn->pg);
	forget_login(conn);
	postgres_conn_steps_unref(conn->steps);
	mem_free(conn);
}

void postgres_conn_close(struct postgres_conn *conn)
{
	if (!conn)
		return;
	drop_watch(conn);
	conn->abandoned = conn->working;
	if (!conn->working)
		dispose(conn);
}

static void polled(uv_poll_t *poll, int status, int events)
{
	struct socket_watch *watch = poll->data;

	(void)status; /* libpq meets the error when it uses the descriptor */
	(void)events;
	uv_poll_stop(poll);
	watch->ready = true;
	if (watch->conn->waiter)
		fiber_wake(watch->conn->waiter);
}

/* NULL if libuv cannot watch the descriptor. */
static struct socket_watch *watch_new(struct postgres_conn *conn, int fd)
{
	struct socket_watch *watch = mem_new(struct socket_watch);

	if (uv_poll_init(conn->steps->uv, &watch->poll, fd) != 0) {
		mem_free(watch);
		return NULL;
	}
	watch->poll.data = watch;
	watch->fd = fd;
	watch->conn = conn;
	return watch;
}

/* Waits for `events` of the socket. Parks. */
static enum error await_socket(struct postgres_conn *conn, int events, int64_t deadline)
{
	int fd = PQsocket(conn->pg);
	enum error error = OK;

	if (conn->watch && conn->watch->fd != fd)
		drop_watch(conn);
	if (!conn->watch)
		conn->watch = fd < 0 ? NULL : watch_new(conn, fd);
	if (!conn->watch)
		return OK; /* libpq reports it */
	conn->watch->ready = false;
	uv_poll_start(&conn->watch->poll, events, polled);
	conn->waiter = fiber_current();
	while (!conn->watch->ready && !error)
		error = fiber_park("PostgreSQL", deadline);
	conn->waiter = NULL;
	uv_poll_stop(&conn->watch->poll);
	return error;
}

/* Notices would be printed on standard error. */
static void ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

/* In the thread pool. */
static void step(uv_work_t *work)
{
	struct postgres_conn *conn = work->data;

	if (conn->pg) {
		conn->polling = PQconnectPoll(conn->pg);
		return;
	}
	conn->pg = PQconnectStartParams(keys, (const char *const *)conn->values, 1);
	conn->polling = PGRES_POLLING_WRITING;
	if (conn->pg)
		PQsetNoticeReceiver(conn->pg, ignore_notice, NULL);
	if (PQstatus(conn->pg) == CONNECTION_BAD)
		conn->polling = PGRES_POLLING_FAILED;
}

static void stepped(uv_work_t *work, int status)
{
	struct postgres_conn *conn = work->data;

	(void)status; /* nothing is ever cancelled */
	conn->working = false;
	semaphore_release(&conn->steps->turns, POSTGRES_STEPS);
	if (conn->abandoned)
		dispose(conn);
	else if (conn->waiter)
		fiber_wake(conn->waiter);
}

/* One step, in the thread pool. Parks. */
static enum error take_step(struct postgres_conn *conn, int64_t deadline)
{
	enum error error = semaphore_acquire(&conn->steps->turns, POSTGRES_STEPS, deadline);

	if (error)
		return error;
	drop_watch(conn);
	conn->work.data = conn;
	conn->working = true;
	uv_queue_work(conn->steps->uv, &conn->work, step, stepped);
	conn->waiter = fiber_current();
	while (conn->working && !error)
		error = fiber_park("a connection to PostgreSQL, in the thread pool", deadline);
	conn->waiter = NULL;
	return error;
}

/* The values of `keys`. */
static enum error make_login(
	struct postgres_conn *conn, const struct conf_source *conf, struct fault *fault)
{
	struct buf text = {0}, why = {0};
	const char *wrong =
		conf->password_file ? file_read_secret(conf->password_file, &text, &why) : NULL;
	const char *password = conf->password_file ? text.p : conf->password;

	conn->values[key_dsn] = mem_strdup(conf->dsn);
	conn->values[key_encoding] = mem_strdup("UTF8");
	conn->values[key_name] = mem_strdup("cachewarden");
	if (password && !wrong)
		conn->values[key_password] = mem_strdup(password);
	if (wrong)
		fault_set(fault, ERR_SOURCE_FAILED, "password_file names %.200s, which %.200s",
			conf->password_file, wrong);
	file_forget(&text);
	buf_release(&why);
	return wrong ? ERR_SOURCE_FAILED : OK;
}

/* Parks. */
static enum error connect_to(struct postgres_conn *conn, const struct conf_source *conf,
	int64_t deadline, struct fault *fault)
{
	enum error error;

	do {
		error = take_step(conn, deadline);
		if (!error && !conn->pg)
			mem_exhausted();
		if (!error && conn->polling == PGRES_POLLING_READING)
			error = await_socket(conn, UV_READABLE, deadline);
		else if (!error && conn->polling == PGRES_POLLING_WRITING)
			error = await_socket(conn, UV_WRITABLE, deadline);
	} while (!error && conn->polling != PGRES_POLLING_OK &&
		 conn->polling != PGRES_POLLING_FAILED);
	if (error)
		return transport_waited(error, "accept a connection", fault);
	forget_login(conn);
	if (conn->polling == PGRES_POLLING_FAILED || PQsetnonblocking(conn->pg, 1))
		return postgres_fault_connect(conn->pg, conf, fault);
	return OK;
}

static int64_t waiting_bytes(const struct postgres_conn *conn)
{
	int n = 0;

	return ioctl(PQsocket(conn->pg), FIONREAD, &n) == 0 ? n : 0;
}

/* False if the connection is lost. */
static bool consume(struct postgres_conn *conn)
{
	int64_t before = waiting_bytes(conn), least = before < min_read ? before : min_read;
	bool good = PQconsumeInput(conn->pg);
	int64_t taken = good ? before - waiting_bytes(conn) : 0;
	PGnotify *notify;

	conn->unread += taken > least ? taken : least;
	conn->swollen = conn->swollen || conn->unread > row_swells;
	/* Nobody listens, but a server may send them. */
	while ((notify = PQnotifies(conn->pg)))
		PQfreemem(notify);
	return good;
}

enum error postgres_conn_result(
	struct postgres_conn *conn, int64_t deadline, PGresult **ret, struct fault *fault)
{
	conn->unread = 0;
	/* What has arrived is used up first. */
	while (PQisBusy(conn->pg)) {
		if (!consume(conn) || !PQisBusy(conn->pg))
			break;
		if (conn->unread > conn->max_row)
			return ERR_TOO_LARGE;
		enum error error = await_socket(conn, UV_READABLE, deadline);
		if (error)
			return transport_waited(error, "answer", fault);
	}
	*ret = PQgetResult(conn->pg);
	return OK;
}

/* Sends what is queued. Parks. */
static enum error flush(struct postgres_conn *conn, int64_t deadline, struct fault *fault)
{
	enum error error = OK;

	/* A lost connection is reported by the first result. */
	while (!error && PQflush(conn->pg) == 1) {
		error = await_socket(conn, UV_READABLE | UV_WRITABLE, deadline);
		if (!error && !PQconsumeInput(conn->pg))
			break;
	}
	return error ? transport_waited(error, "take the query", fault) : OK;
}

static enum error not_sent(struct postgres_conn *conn, struct fault *fault)
{
	fault_set(fault, ERR_SOURCE_FAILED, "the query could not be sent");
	fault_aside(fault, ": %s", PQerrorMessage(conn->pg));
	return ERR_SOURCE_FAILED;
}

/* Statements of ours. `needed`: an error of theirs is one of the connection. Parks. */
static enum error run(struct postgres_conn *conn, const char *statements, bool needed,
	int64_t deadline, struct fault *fault)
{
	static const struct conf_source nothing;
	PGresult *result = NULL;
	bool answered;
	enum error error, failed = OK;

	if (!PQsendQuery(conn->pg, statements))
		return not_sent(conn, fault);
	error = flush(conn, deadline, fault);
	do {
		PQclear(result);
		result = NULL;
		if (!error)
			error = postgres_conn_result(conn, deadline, &result, fault);
		if (!error && result && needed && !failed &&
			PQresultStatus(result) != PGRES_COMMAND_OK)
			failed = postgres_fault_query(result, &nothing, NULL, &answered, fault);
	} while (result);
	return error ? error : failed;
}

/* Parks. */
static enum error set_up(struct postgres_conn *conn, const struct conf_source *conf,
	int64_t deadline, struct fault *fault)
{
	char *settings = mem_printf(
		"SET datestyle TO ISO; SET extra_float_digits TO 3; SET bytea_output TO hex; "
		"SET client_min_messages TO error; SET default_transaction_read_only TO on; "
		"SET statement_timeout TO %lld",
		(long long)conf->statement_timeout_ms);
	enum error error = run(conn, settings, true, deadline, fault);

	mem_free(settings);
	/* Not on every platform of a server. */
	if (!error && PQserverVersion(conn->pg) >= 140000)
		error = run(conn, "SET client_connection_check_interval TO '1s'", false, deadline,
			fault);
	return error;
}

enum error postgres_conn_open(struct postgres_steps *steps, const struct conf_source *conf,
	int64_t deadline, struct postgres_conn **ret, struct fault *fault)
{
	struct postgres_conn *conn = mem_new(struct postgres_conn);
	int64_t latest = clock_deadline(connect_ms);

	deadline = latest < deadline ? latest : deadline;
	conn->steps = steps;
	conn->max_row = row_slack;
	steps->references++;
	enum error error = make_login(conn, conf, fault);
	if (!error)
		error = connect_to(conn, conf, deadline, fault);
	if (!error)
		error = set_up(conn, conf, deadline, fault);
	if (error)
		postgres_conn_close(conn);
	else
		*ret = conn;
	return error;
}

enum error postgres_conn_send(struct postgres_conn *conn, const struct source_call *call,
	const char *query, const char *const *values, struct fault *fault)
{
	unsigned params = query == call->conf->query ? call->conf->query_params : 0;

	conn->max_row = call->max_row_bytes + row_slack;
	if (!PQsendQueryParams(conn->pg, query, (int)params, NULL, values, NULL, NULL, 0) ||
		!PQsetSingleRowMode(conn->pg))
		return not_sent(conn, fault);
	return flush(conn, call->deadline, fault);
}

bool postgres_conn_lost(const struct postgres_conn *conn)
{
	return PQstatus(conn->pg) != CONNECTION_OK;
}

bool postgres_conn_swollen(const struct postgres_conn *conn)
{
	return conn->swollen;
}

bool postgres_conn_usable(struct postgres_conn *conn)
{
	/* Nothing is busy, so that it only takes notices, or meets the end. */
	return PQconsumeInput(conn->pg) && !PQisBusy(conn->pg) && !postgres_conn_lost(conn);
}
