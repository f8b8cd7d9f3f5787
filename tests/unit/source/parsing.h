/* SPDX-License-Identifier: MIT */
/* For the formats' tests: feeds a text cut in every way and writes down what comes out. */
#ifndef CW_TESTS_SOURCE_PARSING_H
#define CW_TESTS_SOURCE_PARSING_H

#include "source/parser.h"

struct reading {
	enum conf_format format;
	const char *rows;
	size_t max_row_bytes; /* 0 = 1,000 */
	char delimiter;	      /* 0 = a comma */
};

/*
 * What `text` gives, cut into pieces of `piece` bytes: rows as JSON, each ending with `;`, `!` for
 * a bad row, `X` where it is broken. The faults' sentences, one a line, go to `faults`, unless it
 * is NULL.
 */
void read_text(const struct reading *how, struct slice text, size_t piece, struct buf *out,
	struct buf *faults);
/* Each piece length, from one byte to all of them, gives `expected`. */
void expect_reading(const struct reading *how, struct slice text, const char *expected);
/* And the faults are these. */
void expect_faults(const struct reading *how, struct slice text, const char *expected);

#endif
