/* SPDX-License-Identifier: MIT */
/*
 * Rows of a query on PostgreSQL. libpq reads about 16 KiB ahead; the rest waits in the socket and
 * in the server until the run asks for it.
 *
 *	pool --> connection --> PGresult of one row --> cells (views of it, or in `room`) --> row
 *
 * Special: a server that was restarted closes idle connections, which may be noticed only when the
 * query was sent. As no row was seen then, the query is sent again on another connection.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/timeslice.h"
#include "source/postgres_cell.h"
#include "source/postgres_fault.h"
#include "source/postgres_pool.h"
#include "source/transport.h"

enum { row_bytes = 1024 }; /* take about a microsecond */

struct postgres {
	struct transport transport;
	struct sources *sources;
	const struct source_call *call;
	struct arena texts;
	const char **values; /* of the query's parameters */
	struct postgres_use use;
	const char *asked; /* the query that is being answered */
	bool over;	   /* the query is, without an error: the connection can be used again */
	PGresult *result;  /* of the last row */
	struct buf room;
	struct timeslice timeslice;

	/* The columns; count = 0 before the first result. */
	struct slice *names, *cells;
	enum source_cell *types;
	enum postgres_kind *kinds;
	size_t count;
	uint64_t rows; /* so far */
};

static enum error lost_or_wrong(
	struct postgres *postgres, const PGresult *result, struct fault *fault)
{
	const struct source_call *call = postgres->call;
	unsigned param = postgres_fault_param(result);

	if (param && param <= call->param_count)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"the value of %.100s is not one that the query takes (SQLSTATE %.5s)",
			call->params[param - 1].name.p,
			PQresultErrorField(result, PG_DIAG_SQLSTATE));
	return postgres_fault_query(
		result, call->conf, postgres->asked, &postgres->transport.answered, fault);
}

/* Parks. */
static enum error take_result(struct postgres *postgres, struct fault *fault)
{
	enum error error = postgres_conn_result(
		postgres->use.conn, postgres->call->deadline, &postgres->result, fault);

	if (error != ERR_TOO_LARGE)
		return error;
	postgres->transport.answered = true;
	return fault_set(fault, ERR_SOURCE_FAILED,
		"row %llu is so large that it was not read to its end: leave it out, such as by "
		"WHERE "
		"octet_length(column) < 1000000",
		(unsigned long long)postgres->rows + 1);
}

static struct slice text_of(const PGresult *result, size_t i)
{
	return slice_of(PQgetvalue(result, 0, (int)i), (size_t)PQgetlength(result, 0, (int)i));
}

/* Parks. */
static enum error send_query(struct postgres *postgres, const char *query, struct fault *fault)
{
	postgres->asked = query;
	return postgres_conn_send(
		postgres->use.conn, postgres->call, query, postgres->values, fault);
}

/* The number of rows that the query will give, as another query says. Parks. */
static enum error count_rows(struct postgres *postgres, struct fault *fault)
{
	int64_t count = 0;
	enum error error = send_query(postgres, postgres->call->conf->count, fault);

	if (!error)
		error = take_result(postgres, fault);
	while (!error && postgres->result) {
		const PGresult *result = postgres->result;

		if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
			slice_int64(text_of(result, 0), &count);
		else if (PQresultStatus(result) != PGRES_TUPLES_OK)
			error = lost_or_wrong(postgres, result, fault);
		if (error)
			break;
		PQclear(postgres->result);
		postgres->result = NULL;
		error = take_result(postgres, fault);
	}
	if (error)
		fault_prefix(fault, "count");
	postgres->transport.total_rows = count > 0 ? (uint64_t)count : 0;
	return error;
}

/* Sends the query and takes its first result. Parks. */
static enum error ask(struct postgres *postgres, struct fault *fault)
{
	const struct source_call *call = postgres->call;
	enum error error = postgres_pool_take(
		postgres->sources->postgres, call->conf, call->deadline, &postgres->use, fault);

	if (!error && call->conf->count)
		error = count_rows(postgres, fault);
	if (!error)
		error = send_query(postgres, call->conf->query, fault);
	return error ? error : take_result(postgres, fault);
}

/* The same, again while idle connections turn out to be closed. Parks. */
static enum error begin(struct postgres *postgres, struct fault *fault)
{
	enum error error = ask(postgres, fault);

	while (postgres->use.reused && error != ERR_CANCELLED && error != ERR_TIMEOUT &&
		(postgres_conn_lost(postgres->use.conn) ||
			postgres_fault_is_last(postgres->result))) {
		PQclear(postgres->result);
		postgres->result = NULL;
		postgres_pool_give(postgres->sources->postgres, &postgres->use, false);
		error = ask(postgres, fault);
	}
	return error;
}

static enum error refuse(struct postgres *postgres, const char *why, struct fault *fault)
{
	postgres->transport.answered = true;
	return fault_set(fault, ERR_SOURCE_FAILED, "the query %s", why);
}

static enum error check_names(struct postgres *postgres, struct fault *fault)
{
	struct slice *sorted = mem_array(postgres->count, sizeof *sorted);
	enum error error = OK;

	memcpy(sorted, postgres->names, postgres->count * sizeof *sorted);
	qsort(sorted, postgres->count, sizeof *sorted, slice_compare_items);
	for (size_t i = 1; i < postgres->count && !error; i++) {
		if (!slice_equal(sorted[i - 1], sorted[i]))
			continue;
		postgres->transport.answered = true;
		error = fault_set(fault, ERR_SOURCE_FAILED,
			"the query has two columns named \"%.100s\": rename one of them with AS",
			sorted[i].p);
	}
	mem_free(sorted);
	return error;
}

static enum error learn_columns(
	struct postgres *postgres, const PGresult *result, struct fault *fault)
{
	size_t count = (size_t)PQnfields(result);

	if (postgres->count)
		return OK;
	if (!count)
		return refuse(postgres, "has no columns", fault);
	postgres->count = count;
	postgres->names = arena_alloc(&postgres->texts, count * sizeof *postgres->names);
	postgres->cells = arena_alloc(&postgres->texts, count * sizeof *postgres->cells);
	postgres->types = arena_alloc(&postgres->texts, count * sizeof *postgres->types);
	postgres->kinds = arena_alloc(&postgres->texts, count * sizeof *postgres->kinds);
	for (size_t i = 0; i < count; i++) {
		postgres->names[i] =
			arena_slice(&postgres->texts, slice_str(PQfname(result, (int)i)));
		postgres->kinds[i] = postgres_cell_kind(PQftype(result, (int)i));
	}
	return check_names(postgres, fault);
}

/* The bytes of the row; makes room for what is converted. */
static size_t measure(struct postgres *postgres)
{
	size_t bytes = 0, room = 0;

	for (size_t i = 0; i < postgres->count; i++) {
		size_t n = text_of(postgres->result, i).n;

		bytes += n;
		room += postgres_cell_room(postgres->kinds[i], n);
	}
	buf_clear(&postgres->room);
	if ((int64_t)bytes <= postgres->call->max_row_bytes)
		buf_reserve(&postgres->room, room);
	return bytes;
}

/* Parks now and then. */
static enum error make_row(struct postgres *postgres, struct source_row *ret, struct fault *fault)
{
	size_t bytes = measure(postgres);

	postgres->rows++;

	if (timeslice_spend(&postgres->timeslice, 1 + bytes / row_bytes))
		return transport_waited(ERR_CANCELLED, "end", fault);
	if ((int64_t)bytes > postgres->call->max_row_bytes)
		return fault_set(fault, ERR_SOURCE_ROW, "has more than %lld bytes",
			(long long)postgres->call->max_row_bytes);
	for (size_t i = 0; i < postgres->count; i++) {
		const char *wrong = NULL;

		if (PQgetisnull(postgres->result, 0, (int)i))
			postgres->types[i] = CELL_NULL;
		else
			wrong = postgres_cell_make(postgres->kinds[i], text_of(postgres->result, i),
				&postgres->room, &postgres->cells[i], &postgres->types[i]);
		if (wrong)
			return fault_set(fault, ERR_SOURCE_ROW, "has a column \"%.100s\" that %s",
				postgres->names[i].p, wrong);
	}
	*ret = (struct source_row){.kind = ROW_COLUMNS,
		.names = postgres->names,
		.cells = postgres->cells,
		.types = postgres->types,
		.count = postgres->count};
	return OK;
}

/* The end of the query's results. Parks. */
static enum error end(struct postgres *postgres, struct fault *fault)
{
	enum error error = OK;

	while (!error && postgres->result) {
		if (PQresultStatus(postgres->result) == PGRES_FATAL_ERROR)
			return lost_or_wrong(postgres, postgres->result, fault);
		PQclear(postgres->result);
		postgres->result = NULL;
		error = take_result(postgres, fault);
	}
	postgres->over = !error;
	return error;
}

static enum error next_row(
	struct transport *transport, struct source_row *ret, bool *ret_end, struct fault *fault)
{
	struct postgres *postgres = (struct postgres *)transport;
	enum error error;

	PQclear(postgres->result);
	postgres->result = NULL;
	error = postgres->use.conn ? take_result(postgres, fault) : begin(postgres, fault);
	if (error)
		return error;
	switch (PQresultStatus(postgres->result)) {
	case PGRES_SINGLE_TUPLE:
		error = learn_columns(postgres, postgres->result, fault);
		return error ? error : make_row(postgres, ret, fault);
	case PGRES_TUPLES_OK:
		*ret_end = true;
		error = learn_columns(postgres, postgres->result, fault);
		return error ? error : end(postgres, fault);
	case PGRES_FATAL_ERROR:
		return lost_or_wrong(postgres, postgres->result, fault);
	case PGRES_EMPTY_QUERY:
		return refuse(postgres, "is empty", fault);
	case PGRES_COMMAND_OK:
		return refuse(postgres, "returns no rows: it must be a SELECT or the like", fault);
	default:
		return refuse(postgres, "copies: it must be a SELECT or the like", fault);
	}
}

/* The texts of the query's parameters, in the order of the loader's. */
static enum error make_values(struct postgres *postgres, struct fault *fault)
{
	const struct source_call *call = postgres->call;

	postgres->values =
		arena_alloc(&postgres->texts, call->param_count * sizeof *postgres->values);
	for (size_t i = 0; i < call->param_count; i++) {
		struct slice value = call->params[i].value;

		if (value.n && memchr(value.p, '\0', value.n))
			return fault_set(fault, ERR_BAD_PARAMETER,
				"the value of %.100s has a NUL byte, which a text of PostgreSQL "
				"cannot have",
				call->params[i].name.p);
		postgres->values[i] = arena_dup(&postgres->texts, value);
	}
	return OK;
}

static void postgres_close(struct transport *transport)
{
	struct postgres *postgres = (struct postgres *)transport;

	PQclear(postgres->result);
	postgres_pool_give(postgres->sources->postgres, &postgres->use, postgres->over);
	buf_release(&postgres->room);
	arena_release(&postgres->texts);
	mem_free(postgres);
}

static enum error postgres_open(struct sources *sources, const struct source_call *call,
	struct transport **ret, struct fault *fault)
{
	struct postgres *postgres = mem_new(struct postgres);
	enum error error;

	if (!sources->postgres)
		sources->postgres = postgres_pool_all_new(loop_uv(sources->loop));
	postgres->transport.ops = &postgres_transport;
	postgres->sources = sources;
	postgres->call = call;
	error = make_values(postgres, fault);
	if (error)
		postgres_close(&postgres->transport);
	else
		*ret = &postgres->transport;
	return error;
}

const struct transport_ops postgres_transport = {
	.open = postgres_open, .next_row = next_row, .close = postgres_close};
