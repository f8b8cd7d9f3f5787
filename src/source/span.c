/* SPDX-License-Identifier: MIT */
/* Where a JSON value ends; see span.h. */
#include "source/span.h"

/* The index after the string, or the piece's end. */
static size_t pass_string(struct span *span, struct slice piece, size_t i)
{
	while (i < piece.n) {
		char c = piece.p[i++];

		if (span->escape) {
			span->escape = false;
		} else if (c == '\\') {
			span->escape = true;
		} else if (c == '"') {
			span->string = false;
			break;
		}
	}
	return i;
}

static bool open_bracket(struct span *span, bool object)
{
	uint8_t bit = (uint8_t)(1u << (span->depth % 8));
	uint8_t *byte = &span->objects[span->depth / 8];

	if (span->depth == span_max_depth || (span->depth == 0 && span->scalar))
		return false;
	*byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
	span->depth++;
	return true;
}

static bool close_bracket(struct span *span, bool object)
{
	span->depth--;
	return ((span->objects[span->depth / 8] >> (span->depth % 8)) & 1) == object;
}

/* A byte outside strings and brackets ends a number or word, or belongs to it. */
static enum span_result pass_bare(struct span *span, char c)
{
	switch (c) {
	case ',':
	case '}':
	case ']':
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		if (!span->scalar)
			return SPAN_BAD;
		span->scalar = false;
		return SPAN_DONE;
	default:
		span->scalar = true;
		return SPAN_MORE;
	}
}

/* One byte outside strings; SPAN_DONE where the value ends with it, or (bare) before it. */
static enum span_result pass_byte(struct span *span, char c)
{
	switch (c) {
	case '"':
		span->string = true;
		return span->depth == 0 && span->scalar ? SPAN_BAD : SPAN_MORE;
	case '{':
	case '[':
		return open_bracket(span, c == '{') ? SPAN_MORE : SPAN_BAD;
	case '}':
	case ']':
		if (span->depth == 0)
			return pass_bare(span, c);
		if (!close_bracket(span, c == '}'))
			return SPAN_BAD;
		return span->depth == 0 ? SPAN_DONE : SPAN_MORE;
	default:
		return span->depth == 0 ? pass_bare(span, c) : SPAN_MORE;
	}
}

enum span_result span_pass(struct span *span, struct slice piece, size_t *ret_n)
{
	size_t i = 0;

	while (i < piece.n) {
		if (span->string) {
			i = pass_string(span, piece, i);
			if (span->string || span->depth)
				continue;
			*ret_n = i;
			return SPAN_DONE;
		}
		bool bare = span->scalar;
		enum span_result result = pass_byte(span, piece.p[i]);

		if (result == SPAN_BAD) {
			*ret_n = i;
			return SPAN_BAD;
		}
		if (result == SPAN_DONE) {
			/* The byte that ends a number or word is not part of it. */
			*ret_n = bare ? i : i + 1;
			return SPAN_DONE;
		}
		i++;
	}
	*ret_n = piece.n;
	return SPAN_MORE;
}
