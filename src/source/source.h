/* SPDX-License-Identifier: MIT */
/*
 * Where rows come from: one vtable over files, commands, HTTP and PostgreSQL.
 *
 *	source_open -> source_next, source_next, ... -> source_close
 *
 * A source reads only when the next row is requested, so a slow consumer slows it down instead of
 * filling memory. A row is a view, valid until the next source_next() or source_close().
 */
#ifndef CW_SOURCE_SOURCE_H
#define CW_SOURCE_SOURCE_H

#include "base/breaker.h"
#include "base/event.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "text/json.h"

struct sources; /* shared by all open sources: connections, the breakers */
struct source;

/* `log` gets the states of breakers at level debug, `bus` EVENT_BREAKER; both may be NULL. */
struct sources *sources_new(struct loop *loop, struct log *log, struct event_bus *bus);
/* Every source must be closed. NULL does nothing. */
void sources_free(struct sources *sources);

/* What a cell of a database's row is in the row's JSON. */
enum source_cell {
	CELL_NULL,
	CELL_TEXT, /* a string of these bytes */
	CELL_JSON, /* as it is; checked */
};

/* A JSON row, a CSV record with the header's names, or a database's row with its columns' names. */
struct source_row {
	enum { ROW_JSON, ROW_CSV, ROW_COLUMNS } kind;
	struct json_value json;
	const struct slice *names; /* CSV and columns: borrowed from the source, as all below */
	const struct slice *cells;
	const enum source_cell *types; /* columns */
	size_t count;
	uint64_t number; /* of the row, from 1, for messages */
};

/*
 * Appends the value of `path`: a column, or a JSON member ("a/b" = nested; scalars decoded, arrays
 * and objects as JSON), also one inside a database's JSON column ("column/b"). False if there is
 * none or it is null.
 */
bool source_row_get(const struct source_row *row, struct slice path, struct buf *out);
/* True with a fault if the row has columns and lacks this one. */
bool source_row_lacks(const struct source_row *row, struct slice name, struct fault *fault);
/* Appends the whole row as a JSON object; CSV cells become strings. */
void source_row_json(const struct source_row *row, struct buf *out);

/* One parameter of the call (read-through; warm runs have none). */
struct source_param {
	struct slice name;
	struct slice value;
};

struct source_call {
	const struct conf_source *conf; /* outlives the source */
	const struct source_param *params;
	size_t param_count;
	int64_t deadline;
	int64_t max_row_bytes;
	int64_t max_total_bytes; /* of one page or output, 0 = 1 GiB */
	/*
	 * A single value is looked up: HTTP's 204, 205, 404 and 410, and a document with nothing in
	 * place of the rows, are ERR_NO_VALUE. A JSON object in place of the array is the only row;
	 * in paged sources for lookups only.
	 */
	bool lookup;
	bool visit; /* for source_visit() alone */
	/* HTTP: the ETag of the document that is known; NULL = it is wanted in any case. */
	const char *etag;
};

enum { SOURCE_ETAG_BYTES = 512 };

/*
 * ERR_SOURCE_FAILED with what, where and why (also by an open breaker: see base/breaker.h),
 * ERR_TIMEOUT, ERR_CANCELLED, ERR_BAD_PARAMETER if a parameter's value cannot be passed (empty, an
 * option or with NUL as a command's argument; "." or ".." in a path). `call` and its parameters are
 * copied. Parks.
 */
enum error source_open(struct sources *sources, const struct source_call *call, struct source **ret,
	struct fault *fault);
/*
 * OK and *ret_end = false: a row. OK and *ret_end = true: no more; a command has then exited with
 * status 0, an HTTP page series has ended. ERR_SOURCE_ROW: this row cannot be used (over
 * max_row_bytes, not JSON, wrong number of cells) and the fault names its number; the next call
 * continues after it if the format allows that. ERR_BAD_PARAMETER: a database refuses a parameter's
 * value. Any other error ends the source. Parks.
 */
enum error source_next(
	struct source *source, struct source_row *ret, bool *ret_end, struct fault *fault);
/* After a failure: how long to wait before the next request (Retry-After); 0 = not told. */
int64_t source_retry_after_ms(const struct source *source);
/*
 * How many rows there will be, as far as it can be told: by the `count` query, or by a file's size
 * and what was read of it; 0 = not known.
 */
uint64_t source_total(const struct source *source);
/*
 * After the end: the source has answered that the document with the call's ETag is unchanged, and
 * gave no row.
 */
bool source_unchanged(const struct source *source);
/* After the end: the document's ETag, as it was sent; "" = it has none. */
const char *source_etag(const struct source *source);
/* After the end: the JSON document had nothing, or null, in place of its array of rows. */
bool source_rows_absent(const struct source *source);
/*
 * `source` may be NULL. Ends a running command's process group (TERM, KILL after 2 s) and its
 * transfers. Parks, in cleanup sections too.
 */
void source_close(struct source *source);

/*
 * One request to an HTTP source for its status alone: the body is read and dropped. OK for 2xx.
 * Errors as source_open() and source_next(). `call` must live until it returns. Parks.
 */
struct source_visited {
	bool refused;	  /* the breaker is open: nothing was sent */
	int64_t after_ms; /* when to try again (Retry-After); 0 = not told */
};
enum error source_visit(struct sources *sources, const struct source_call *call,
	struct source_visited *ret, struct fault *fault);

/* The breaker of a source; `why` is valid until the next read. */
struct source_breaker {
	enum breaker_state state;
	unsigned failures; /* different keys that failed since the last success */
	const char *why;   /* the last failure; "" = none */
};
struct source_breaker sources_breaker(
	const struct sources *sources, const struct conf_source *conf);

#endif
