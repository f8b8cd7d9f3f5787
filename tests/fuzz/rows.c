/* SPDX-License-Identifier: MIT */
/*
 * Rows of files, commands and HTTP answers: JSON lines, CSV, an array of JSON. In pieces of any
 * size a text gives the same rows and the same faults as in one.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "source/parser.h"

enum { max_row_bytes = 200 };

struct how {
	enum conf_format format;
	char delimiter;
};

static bool take(struct parser *parser, struct buf *out, bool *ret_more)
{
	struct source_row row;
	struct fault fault = {0};
	enum parser_step step = parser_next(parser, &row, &fault);

	*ret_more = step == PARSER_MORE;
	if (step == PARSER_ROW) {
		source_row_json(&row, out);
		buf_char(out, '\n');
	} else if (step == PARSER_BAD || step == PARSER_BROKEN) {
		FUZZ_CHECK(
			fault.error == (step == PARSER_BAD ? ERR_SOURCE_ROW : ERR_SOURCE_FAILED));
		buf_printf(out, "!%d %s\n", (int)step, fault.detail);
	}
	return step != PARSER_BROKEN && step != PARSER_END;
}

static void read_all(const struct how *how, struct slice text, size_t piece, struct buf *out)
{
	struct parser *parser = parser_new(how->format, SLICE("/rows"), max_row_bytes);
	char *copy = NULL;
	bool more;

	if (how->delimiter)
		parser->delimiter = how->delimiter;
	if (how->format == FORMAT_JSON)
		parser_want_next(parser, SLICE("/meta/next"));
	while (take(parser, out, &more)) {
		size_t n = text.n < piece ? text.n : piece;

		if (!more)
			continue;
		free(copy);
		copy = fuzz_copy(slice_of(text.p, n));
		if (n)
			parser_feed(parser, slice_of(copy, n));
		else
			parser_finish(parser);
		text = slice_of(n ? text.p + n : text.p, text.n - n);
	}
	buf_add(out, buf_slice(&parser->next_page));
	free(copy);
	parser_free(parser);
}

void fuzz_one(struct slice input)
{
	static const struct how hows[] = {{FORMAT_JSONL, 0}, {FORMAT_CSV, 0}, {FORMAT_CSV, ';'},
		{FORMAT_CSV, '\t'}, {FORMAT_JSON, 0}};
	const struct how *how = &hows[fuzz_byte(&input) % (sizeof hows / sizeof *hows)];
	size_t piece = fuzz_byte(&input) + (size_t)1;
	struct buf whole = {0}, parts = {0};

	read_all(how, input, input.n + 1, &whole);
	read_all(how, input, piece, &parts);
	FUZZ_CHECK(slice_equal(buf_slice(&whole), buf_slice(&parts)));
	buf_release(&whole);
	buf_release(&parts);
}
