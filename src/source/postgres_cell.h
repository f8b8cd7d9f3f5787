/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: PostgreSQL's values as JSON. They come as text.
 *
 *	integers, numeric, float      numbers as PostgreSQL writes them; NaN and Infinity as texts
 *	boolean                       true, false
 *	json, jsonb                   as they are
 *	timestamp                     "2026-12-01T05:12:58.123", with time zone "...+00:00"
 *	bytea                         text in base64
 *	any other                     text as PostgreSQL writes it
 */
#ifndef CW_SOURCE_POSTGRES_CELL_H
#define CW_SOURCE_POSTGRES_CELL_H

#include <libpq-fe.h>

#include "source/source.h"

enum postgres_kind {
	POSTGRES_TEXT,
	POSTGRES_NUMBER,
	POSTGRES_BOOL,
	POSTGRES_JSON,
	POSTGRES_TIME, /* a timestamp, with or without time zone */
	POSTGRES_BYTES,
};

enum postgres_kind postgres_cell_kind(Oid type);
/* How many bytes of `room` a value of so many bytes may need. */
size_t postgres_cell_room(enum postgres_kind kind, size_t n);
/*
 * The value `text`, which is not NULL. *ret is a view of it, of constant text or of what was
 * appended to `room`, which has postgres_cell_room() bytes free and so does not move. NULL, or the
 * end of a sentence about what is wrong with it.
 */
const char *postgres_cell_make(enum postgres_kind kind, struct slice text, struct buf *room,
	struct slice *ret, enum source_cell *ret_type);

#endif
