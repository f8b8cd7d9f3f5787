/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: finds the end of a JSON value piece by piece, without keeping the value. It
 * checks strings and brackets only; text/json checks the rest.
 */
#ifndef CW_SOURCE_SPAN_H
#define CW_SOURCE_SPAN_H

#include "base/buf.h"

enum { span_max_depth = 1024 };

/* Zeroed = before a value. */
struct span {
	unsigned depth;
	bool string;
	bool escape;
	bool scalar;
	uint8_t objects[span_max_depth / 8]; /* one bit a level: object or array */
};

enum span_result {
	SPAN_MORE, /* the whole piece belongs to the value */
	SPAN_DONE, /* *ret_n bytes of the piece do, and the value ends with them */
	SPAN_BAD,  /* after *ret_n bytes: brackets that do not match, too many of them, no value */
};

/*
 * `piece` begins with the value's first byte (no white space before it), or continues where the
 * last piece ended. The end of a number or word is known only by the byte after it. After SPAN_DONE
 * the span is ready for the next value.
 */
enum span_result span_pass(struct span *span, struct slice piece, size_t *ret_n);

#endif
