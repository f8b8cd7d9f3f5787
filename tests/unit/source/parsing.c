/* SPDX-License-Identifier: MIT */
#include "parsing.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "base/mem.h"

/* One step; false at the end. */
static bool take(struct parser *parser, struct buf *out, struct buf *faults, bool *ret_more)
{
	struct source_row row;
	struct fault fault = {0};
	enum parser_step step = parser_next(parser, &row, &fault);

	*ret_more = step == PARSER_MORE;
	switch (step) {
	case PARSER_ROW:
		source_row_json(&row, out);
		buf_char(out, ';');
		break;
	case PARSER_BAD:
	case PARSER_BROKEN:
		ck_assert_int_eq(
			fault.error, step == PARSER_BAD ? ERR_SOURCE_ROW : ERR_SOURCE_FAILED);
		buf_char(out, step == PARSER_BAD ? '!' : 'X');
		if (faults)
			buf_printf(faults, "%s\n", fault.detail);
		break;
	default:
		break;
	}
	return step != PARSER_BROKEN && step != PARSER_END;
}

void read_text(const struct reading *how, struct slice text, size_t piece, struct buf *out,
	struct buf *faults)
{
	struct parser *parser = parser_new(
		how->format, slice_str(how->rows), how->max_row_bytes ? how->max_row_bytes : 1000);
	char *copy = NULL;
	size_t at = 0;
	bool more;

	if (how->delimiter)
		parser->delimiter = how->delimiter;
	while (take(parser, out, faults, &more)) {
		if (!more)
			continue;
		size_t n = text.n - at < piece ? text.n - at : piece;

		/* In memory of its own, so that a sanitizer sees what looks beyond a piece. */
		free(copy);
		copy = n ? malloc(n) : NULL;
		if (n)
			parser_feed(parser, slice_of(memcpy(copy, text.p + at, n), n));
		else
			parser_finish(parser);
		at += n;
	}
	free(copy);
	parser_free(parser);
}

void expect_reading(const struct reading *how, struct slice text, const char *expected)
{
	for (size_t piece = 1; piece <= text.n + 1; piece++) {
		struct buf out = {0};

		read_text(how, text, piece, &out, NULL);
		ck_assert_msg(slice_is(buf_slice(&out), expected),
			"in pieces of %zu: \"%s\" and not \"%s\"", piece, out.p ? out.p : "",
			expected);
		buf_release(&out);
	}
}

void expect_faults(const struct reading *how, struct slice text, const char *expected)
{
	struct buf out = {0}, faults = {0};

	read_text(how, text, text.n + 1, &out, &faults);
	ck_assert_str_eq(faults.p ? faults.p : "", expected);
	buf_release(&out);
	buf_release(&faults);
}
