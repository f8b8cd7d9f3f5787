/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: one connection to PostgreSQL, by libpq on our loop.
 *
 *	postgres_conn_open -> postgres_conn_send -> postgres_conn_result ... NULL -> send -> ...
 *
 * Each step of connecting is done in the thread pool, because libpq resolves names, reads files and
 * computes there; at most POSTGRES_STEPS at a time, so that DNS that hangs leaves threads for
 * others. All else is on the loop and does not block.
 *
 * A connection is one fiber's at a time. Closing it in the middle of a query is enough to end it:
 * the server looks for that once a second (PostgreSQL 14 and later).
 */
#ifndef CW_SOURCE_POSTGRES_CONN_H
#define CW_SOURCE_POSTGRES_CONN_H

#include <libpq-fe.h>
#include <uv.h>

#include "base/semaphore.h"
#include "source/source.h"

enum { POSTGRES_STEPS = 2 };

/* The turns for steps of connecting; counted, because a step may outlive who asked for it. */
struct postgres_steps {
	uv_loop_t *uv;
	struct semaphore turns;
	unsigned references;
};

struct postgres_conn;

/* Starts with one reference. */
struct postgres_steps *postgres_conn_steps_new(uv_loop_t *uv);
void postgres_conn_steps_unref(struct postgres_steps *steps);

/*
 * Connects and sets the session up: read-only, with statement_timeout. ERR_SOURCE_FAILED,
 * ERR_TIMEOUT (also after 10 s), ERR_CANCELLED. Parks.
 */
enum error postgres_conn_open(struct postgres_steps *steps, const struct conf_source *conf,
	int64_t deadline, struct postgres_conn **ret, struct fault *fault);
/* Whatever it is doing. NULL does nothing. */
void postgres_conn_close(struct postgres_conn *conn);

/*
 * Sends a query, the call's or its `count`, with its parameters, NUL-terminated texts. Rows come
 * one by one. ERR_SOURCE_FAILED, ERR_TIMEOUT, ERR_CANCELLED. Parks.
 */
enum error postgres_conn_send(struct postgres_conn *conn, const struct source_call *call,
	const char *query, const char *const *values, struct fault *fault);
/*
 * The next result, the caller's to PQclear(); NULL: the query is over. A lost connection is a
 * result, too: PGRES_FATAL_ERROR. ERR_TIMEOUT, ERR_CANCELLED; ERR_TOO_LARGE, without a sentence,
 * for a row that libpq must not be left to collect. Parks.
 */
enum error postgres_conn_result(
	struct postgres_conn *conn, int64_t deadline, PGresult **ret, struct fault *fault);

bool postgres_conn_lost(const struct postgres_conn *conn);
/* libpq keeps a buffer of the size of the largest row, so that such a connection is not kept. */
bool postgres_conn_swollen(const struct postgres_conn *conn);
/* Of one that waits for a query: whether the server has not closed it meanwhile. */
bool postgres_conn_usable(struct postgres_conn *conn);

#endif
