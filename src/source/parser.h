/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: from bytes to rows, for each format. No input or output happens here.
 *
 *	parser_feed -> parser_next ... PARSER_MORE -> parser_feed ... parser_finish -> PARSER_END
 *
 * A row within one fed piece is a view into it; a row across pieces is collected, up to
 * max_row_bytes. A longer one is skipped without being kept.
 */
#ifndef CW_SOURCE_PARSER_H
#define CW_SOURCE_PARSER_H

#include "source/source.h"

enum parser_step {
	PARSER_MORE,   /* feed, or finish */
	PARSER_ROW,    /* a row, valid until the next call */
	PARSER_BAD,    /* this row cannot be used: the fault is ERR_SOURCE_ROW; continue */
	PARSER_BROKEN, /* nor can the rest: ERR_SOURCE_FAILED */
	PARSER_END,    /* after parser_finish(): the document is over */
	PARSER_AGAIN,  /* within a format only: nothing to report yet */
};

struct parser;

/* `rows` is a JSON pointer, for FORMAT_JSON; it is copied. */
struct parser *parser_new(enum conf_format format, struct slice rows, size_t max_row_bytes);
void parser_free(struct parser *parser); /* may be NULL */
/* The last piece must be used up. `piece` must live until the next PARSER_MORE or PARSER_END. */
void parser_feed(struct parser *parser, struct slice piece);
/* No more pieces follow. */
void parser_finish(struct parser *parser);
enum parser_step parser_next(struct parser *parser, struct source_row *ret, struct fault *fault);
/* After PARSER_END: another document of the same kind begins; the count of rows continues. */
void parser_restart(struct parser *parser);

/*
 * For FORMAT_JSON, before the first piece: each document may name its next page at this pointer.
 * After PARSER_END parser->next_page is that text; empty: there is none.
 */
void parser_want_next(struct parser *parser, struct slice pointer);

/* What the formats share. */
struct parser {
	const struct parser_ops *ops;
	size_t max_row_bytes;
	struct slice input; /* fed and not yet used */
	bool finished;
	char delimiter; /* FORMAT_CSV: between cells; a comma unless set before the first piece */
	bool absent;	/* FORMAT_JSON: there is nothing, or null, in place of the rows */
	bool object_is_row; /* FORMAT_JSON: an object in place of the array is the only row */
	struct buf carry;   /* the beginning of a row whose end was not fed yet */
	bool carry_used;    /* the last returned row is in it */
	uint64_t number;    /* of the last row */
	struct buf next_page;
};

struct parser_ops {
	enum parser_step (*next)(
		struct parser *parser, struct source_row *ret, struct fault *fault);
	void (*restart)(struct parser *parser);
	void (*release)(struct parser *parser); /* NULL: nothing of its own */
	void (*want_next)(struct parser *parser, struct slice pointer); /* NULL: cannot */
};

/* The formats' constructors: their struct begins with a struct parser. */
struct parser *jsonl_new(void);
struct parser *csv_new(void);
struct parser *json_array_new(struct slice rows);

/* Drops the first `n` bytes of the input. */
void parser_use(struct parser *parser, size_t n);
/* Whether the row would be too long with `n` more bytes. */
bool parser_over(const struct parser *parser, size_t n);
/* Moves `n` bytes of the input to the carry. */
void parser_carry(struct parser *parser, size_t n);
/* The row that ends after `n` more bytes, in one piece, taken from the input. */
struct slice parser_take(struct parser *parser, size_t n);
/* Counts a row, drops what is kept of it and reports it as too long. */
enum parser_step parser_too_long(struct parser *parser, struct fault *fault);
/* Counts, checks and returns a JSON row. */
enum parser_step parser_json_row(
	struct parser *parser, struct slice text, struct source_row *ret, struct fault *fault);

#endif
