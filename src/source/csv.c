/* SPDX-License-Identifier: MIT */
/*
 * CSV as defined by RFC 4180 and as spreadsheets write it: a header, then records; cells in quotes
 * may contain delimiters, line breaks and doubled quotes. LF, CRLF or CR ends a record: between CR
 * and LF is an empty line, and empty lines are skipped, as is a byte order mark. Columns without a
 * name are not part of a row; they may be missing at the end of a record, and empty cells may
 * follow them.
 *
 *	input -> measure(): where does the record end? -> split(): cells -> check -> row
 *
 * Measuring keeps its state between pieces, so a record that is too long is skipped without
 * being kept.
 */
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "source/parser.h"

enum { max_columns = 1024 };

enum csv_state { CELL_START, PLAIN, QUOTED, QUOTE /* end of the quotes, or a doubled one */ };

struct csv {
	struct parser parser;
	enum csv_state place;
	bool malformed; /* this record */
	bool skipping;
	unsigned bom;		/* bytes of a byte order mark seen, 3 = no more can come */
	bool headed;		/* this document's header was read */
	struct buf first_names; /* of the first document, by write_names() */
	size_t first_count;
	struct buf names_text;
	struct slice *names;	 /* of the columns that have one */
	unsigned short *columns; /* where they are */
	size_t name_count;
	size_t column_count;
	struct buf text; /* cells that lost a doubled quote */
	struct slice cells[max_columns];
	size_t cell_count;
};

static enum csv_state step(struct csv *csv, enum csv_state place, char c)
{
	if (place == QUOTED)
		return c == '"' ? QUOTE : QUOTED;
	if (c == csv->parser.delimiter)
		return CELL_START;
	if (c == '"') {
		if (place == QUOTE || place == CELL_START)
			return QUOTED;
		csv->malformed = true;
		return PLAIN;
	}
	if (place == QUOTE)
		csv->malformed = true;
	return PLAIN;
}

/* A byte order mark does not change the place. */
static bool passes_bom(struct csv *csv, char c)
{
	if (csv->bom < 3 && c == "\xEF\xBB\xBF"[csv->bom]) {
		csv->bom++;
		return true;
	}
	csv->bom = 3;
	return false;
}

/* How many bytes of the input belong to the record; *ret_end: a line end follows them. */
static size_t measure(struct csv *csv, bool *ret_end)
{
	struct slice in = csv->parser.input;
	enum csv_state place = csv->place;
	size_t i = 0;

	while (csv->bom < 3 && i < in.n && passes_bom(csv, in.p[i]))
		i++;
	for (; i < in.n; i++) {
		if (place == QUOTED) {
			const char *quote = memchr(in.p + i, '"', in.n - i);

			i = quote ? (size_t)(quote - in.p) : in.n;
			if (i == in.n)
				break;
		} else if (in.p[i] == '\n' || in.p[i] == '\r') {
			break;
		}
		place = step(csv, place, in.p[i]);
	}
	*ret_end = i < in.n;
	csv->place = *ret_end ? CELL_START : place;
	return i;
}

/* The cell in quotes at *at, without them; *at moves past the closing one. */
static struct slice unquote(struct csv *csv, struct slice record, size_t *at)
{
	size_t begin = csv->text.n;
	size_t i = *at + 1;

	for (;;) {
		const char *quote = memchr(record.p + i, '"', record.n - i);
		size_t n = (size_t)(quote - record.p) - i;

		buf_append(&csv->text, record.p + i, n);
		i += n + 1;
		if (i == record.n || record.p[i] != '"')
			break;
		buf_char(&csv->text, '"');
		i++;
	}
	*at = i;
	return slice_skip(buf_slice(&csv->text), begin);
}

/* Fills csv->cells, as far as there is room; the count is of all. */
static void split(struct csv *csv, struct slice record)
{
	size_t at = 0;

	buf_clear(&csv->text);
	buf_reserve(&csv->text, record.n); /* so that the cells in it stay where they are */
	csv->cell_count = 0;
	for (;;) {
		struct slice cell;

		if (at < record.n && record.p[at] == '"') {
			cell = unquote(csv, record, &at);
		} else {
			const char *end =
				memchr(record.p + at, csv->parser.delimiter, record.n - at);

			cell = slice_of(
				record.p + at, end ? (size_t)(end - record.p) - at : record.n - at);
			at += cell.n;
		}
		if (csv->cell_count < max_columns)
			csv->cells[csv->cell_count] = cell;
		csv->cell_count++;
		if (at == record.n)
			return;
		at++;
	}
}

static enum parser_step broken(struct fault *fault, const char *what)
{
	fault_set(fault, ERR_SOURCE_FAILED, "the CSV header %s", what);
	return PARSER_BROKEN;
}

static const struct slice *named_twice(const struct csv *csv)
{
	for (size_t i = 0; i < csv->name_count; i++)
		for (size_t j = 0; j < i; j++)
			if (slice_equal(csv->names[i], csv->names[j]))
				return &csv->names[i];
	return NULL;
}

/* Names and positions of the columns that have a name. */
static void take_names(struct csv *csv, size_t bytes)
{
	csv->names = mem_array(csv->cell_count, sizeof *csv->names);
	csv->columns = mem_array(csv->cell_count, sizeof *csv->columns);
	csv->column_count = csv->cell_count;
	csv->name_count = 0;
	buf_reserve(&csv->names_text, bytes); /* so that the names stay where they are */
	for (size_t i = 0; i < csv->column_count; i++) {
		size_t begin = csv->names_text.n;

		if (!csv->cells[i].n)
			continue;
		buf_add(&csv->names_text, csv->cells[i]);
		csv->names[csv->name_count] = slice_of(csv->names_text.p + begin, csv->cells[i].n);
		csv->columns[csv->name_count++] = (unsigned short)i;
	}
}

/* Each name with a NUL before and after it. */
static void write_names(const struct csv *csv, struct buf *out)
{
	buf_char(out, '\0');
	for (size_t i = 0; i < csv->name_count; i++) {
		buf_add(out, csv->names[i]);
		buf_char(out, '\0');
	}
}

static bool is_among(struct slice name, const struct buf *names)
{
	struct buf needle = {0};

	buf_char(&needle, '\0');
	buf_add(&needle, name);
	buf_char(&needle, '\0');
	bool found = memmem(names->p, names->n, needle.p, needle.n) != NULL;
	buf_release(&needle);
	return found;
}

/* The beginning of what write_names() wrote, as a header. */
static void show(const struct csv *csv, const struct buf *names, char ret[static 151])
{
	size_t n = names->n > 152 ? 150 : names->n - 2;

	for (size_t i = 0; i < n; i++)
		ret[i] = names->p[i + 1] ? names->p[i + 1] : csv->parser.delimiter;
	ret[n] = '\0';
}

/* Checked because the first row of a later page without a header would be lost. */
static enum parser_step check_first(struct csv *csv, struct fault *fault)
{
	bool same = csv->name_count == csv->first_count;
	char first[151], now[151];
	struct buf names = {0};

	if (!csv->first_count) {
		csv->first_count = csv->name_count;
		write_names(csv, &csv->first_names);
		return PARSER_AGAIN;
	}
	for (size_t i = 0; i < csv->name_count && same; i++)
		same = is_among(csv->names[i], &csv->first_names);
	if (same)
		return PARSER_AGAIN;
	write_names(csv, &names);
	show(csv, &names, now);
	show(csv, &csv->first_names, first);
	buf_release(&names);
	fault_set(fault, ERR_SOURCE_FAILED,
		"a page begins with \"%s\" and not with the first page's header \"%s\": each page "
		"of CSV must begin with it",
		now, first);
	return PARSER_BROKEN;
}

/* "sep=;" in front of the header, which spreadsheets read as a hint. */
static bool is_hint(const struct csv *csv, struct slice record)
{
	return record.n == 5 && slice_starts(record, SLICE("sep=")) &&
	       record.p[4] == csv->parser.delimiter;
}

static enum parser_step take_header(struct csv *csv, struct slice record, struct fault *fault)
{
	if (csv->malformed)
		return broken(fault, "has a quote in the wrong place");
	if (!utf8_valid(record))
		return broken(fault, "is not UTF-8");
	if (is_hint(csv, record))
		return PARSER_AGAIN;
	split(csv, record);
	if (csv->cell_count > max_columns)
		return broken(fault, "has more than 1024 columns");
	take_names(csv, record.n);
	csv->headed = true;
	if (!csv->name_count)
		return broken(fault, "has no column names");
	const struct slice *twice = named_twice(csv);
	if (twice) {
		fault_set(fault, ERR_SOURCE_FAILED,
			"the CSV header names the column \"%.*s\" twice",
			(int)(twice->n < 100 ? twice->n : 100), twice->p);
		return PARSER_BROKEN;
	}
	return check_first(csv, fault);
}

static enum parser_step bad(struct csv *csv, struct fault *fault, const char *what)
{
	fault_set(
		fault, ERR_SOURCE_ROW, "row %llu %s", (unsigned long long)csv->parser.number, what);
	return PARSER_BAD;
}

/* Keeps the cells of the columns that have a name; false where the record is too short or too long.
 */
static bool take_cells(struct csv *csv)
{
	size_t last = csv->columns[csv->name_count - 1];

	if (csv->cell_count <= last || csv->cell_count > max_columns)
		return false;
	for (size_t i = csv->column_count; i < csv->cell_count; i++)
		if (csv->cells[i].n)
			return false;
	for (size_t i = 0; i < csv->name_count; i++)
		csv->cells[i] = csv->cells[csv->columns[i]];
	return true;
}

static enum parser_step take_row(
	struct csv *csv, struct slice record, struct source_row *ret, struct fault *fault)
{
	csv->parser.number++;
	if (csv->malformed)
		return bad(csv, fault,
			"has a quote in the wrong place (a cell with quotes is written \"like "
			"\"\"this\"\"\")");
	if (!utf8_valid(record))
		return bad(csv, fault, "is not UTF-8");
	split(csv, record);
	if (!take_cells(csv)) {
		fault_set(fault, ERR_SOURCE_ROW, "row %llu has %zu cells, the header has %zu",
			(unsigned long long)csv->parser.number, csv->cell_count, csv->column_count);
		return PARSER_BAD;
	}
	*ret = (struct source_row){.kind = ROW_CSV,
		.names = csv->names,
		.cells = csv->cells,
		.count = csv->name_count,
		.number = csv->parser.number};
	return PARSER_ROW;
}

/* The record is complete: `n` more bytes of the input belong to it. */
static enum parser_step one_record(
	struct csv *csv, size_t n, bool end, struct source_row *ret, struct fault *fault)
{
	struct parser *parser = &csv->parser;
	struct slice record = parser_take(parser, n);
	enum parser_step outcome = PARSER_AGAIN;

	if (end)
		parser_use(parser, 1);
	else if (csv->place == QUOTED)
		csv->malformed = true;
	if (!csv->headed && slice_starts(record, SLICE("\xEF\xBB\xBF")))
		record = slice_skip(record, 3);
	if (record.n)
		outcome = csv->headed ? take_row(csv, record, ret, fault)
				      : take_header(csv, record, fault);
	csv->malformed = false;
	if (outcome == PARSER_AGAIN && parser->carry_used) {
		buf_clear(&parser->carry);
		parser->carry_used = false;
	}
	return outcome;
}

/* The bytes of a record that is too long. */
static enum parser_step skip(struct csv *csv, size_t n, bool end)
{
	parser_use(&csv->parser, end ? n + 1 : n);
	csv->skipping = !end;
	csv->malformed = false;
	if (end)
		return PARSER_AGAIN;
	return csv->parser.finished ? PARSER_END : PARSER_MORE;
}

static enum parser_step one_step(struct csv *csv, struct source_row *ret, struct fault *fault)
{
	struct parser *parser = &csv->parser;
	bool end;
	size_t n = measure(csv, &end);

	if (csv->skipping)
		return skip(csv, n, end);
	if (parser_over(parser, n)) {
		if (!csv->headed)
			return broken(fault, "is longer than a row may be");
		skip(csv, n, end);
		return parser_too_long(parser, fault);
	}
	if (!end && !parser->finished) {
		parser_carry(parser, n);
		return PARSER_MORE;
	}
	if (!end && parser->carry.n + n == 0)
		return PARSER_END;
	return one_record(csv, n, end, ret, fault);
}

static enum parser_step next(struct parser *parser, struct source_row *ret, struct fault *fault)
{
	enum parser_step outcome;

	do {
		if (!parser->input.n && !parser->finished)
			return PARSER_MORE;
		outcome = one_step((struct csv *)parser, ret, fault);
	} while (outcome == PARSER_AGAIN);
	return outcome;
}

static void forget_header(struct csv *csv)
{
	mem_free(csv->names);
	mem_free(csv->columns);
	csv->names = NULL;
	csv->columns = NULL;
	csv->headed = false;
	csv->name_count = 0;
	buf_release(&csv->names_text);
}

static void restart(struct parser *parser)
{
	struct csv *csv = (struct csv *)parser;

	forget_header(csv);
	csv->place = CELL_START;
	csv->malformed = csv->skipping = false;
	csv->bom = 0;
}

static void release(struct parser *parser)
{
	struct csv *csv = (struct csv *)parser;

	forget_header(csv);
	buf_release(&csv->first_names);
	buf_release(&csv->text);
}

static const struct parser_ops ops = {.next = next, .restart = restart, .release = release};

struct parser *csv_new(void)
{
	struct csv *csv = mem_new(struct csv);

	csv->parser.ops = &ops;
	csv->parser.input = slice_of("", 0);
	csv->parser.delimiter = ',';
	return &csv->parser;
}
