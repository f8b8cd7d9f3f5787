/* SPDX-License-Identifier: MIT */
/* The framer's state machine; see frame.h. */
#include "redis/frame.h"

#include <string.h>

/* Past these a length is no length that a server would send, but noise. */
#define MAX_BULK   (UINT64_C(1) << 40)
#define MAX_ARRAY  (UINT64_C(1) << 32)
#define MAX_VALUES (UINT64_C(1) << 53)

enum { max_digits = 19 };

static bool start_value(struct frame *f, char c)
{
	f->type = c;
	f->number = 0;
	f->digits = 0;
	f->negative = false;
	switch (c) {
	case '+':
	case '-':
		f->state = FRAME_TEXT;
		return true;
	case ':':
	case '$':
	case '*':
		f->state = FRAME_NUMBER;
		return true;
	default:
		return false;
	}
}

static bool take_digit(struct frame *f, char c)
{
	if ((c == '-' || c == '+') && f->digits == 0 && !f->negative) {
		f->negative = c == '-';
		return c == '-' || f->type == ':';
	}
	if (c == '\r') {
		f->state = FRAME_LF;
		return f->digits > 0;
	}
	if (c < '0' || c > '9' || f->digits == max_digits)
		return false;
	f->digits++;
	f->number = f->number * 10 + (uint64_t)(c - '0');
	return true;
}

/* One value has ended, and with it every array whose last element it was. */
static void end_value(struct frame *f)
{
	f->state = FRAME_TYPE;
	f->values--;
	while (f->depth > 0 && --f->left[f->depth - 1] == 0)
		f->depth--;
}

static bool begin_array(struct frame *f)
{
	if (f->number > MAX_ARRAY || f->values + f->number > MAX_VALUES)
		return false;
	f->elements += f->number;
	if (f->elements > FRAME_MAX_ELEMENTS)
		f->over = true;
	f->values += f->number - 1;
	f->state = FRAME_TYPE;
	/* Past the cap only the number of values counts, which needs no levels. */
	if (!f->over)
		f->left[f->depth++] = f->number;
	else
		f->depth = 0;
	return true;
}

/* After the line that a value begins with. */
static bool end_line(struct frame *f)
{
	if (f->type == '$' || f->type == '*') {
		if (f->negative && (f->number != 1 || f->digits != 1))
			return false;
		/* An empty one is a level too. */
		if (f->type == '*' && f->depth == FRAME_MAX_DEPTH)
			f->over = true;
		if (!f->negative && f->type == '*' && f->number > 0)
			return begin_array(f);
		if (!f->negative && f->type == '$') {
			if (f->number > MAX_BULK)
				return false;
			if (f->bytes + f->number > FRAME_MAX_BYTES)
				f->over = true;
			f->state = f->number ? FRAME_BODY : FRAME_BODY_CR;
			return true;
		}
	}
	end_value(f);
	return true;
}

/* States that take a run of bytes at once; how many they took. */
static size_t take_run(struct frame *f, const char *p, size_t n)
{
	if (f->state == FRAME_TEXT) {
		const char *end = memchr(p, '\r', n);

		if (!end)
			return n;
		f->state = FRAME_LF;
		return (size_t)(end - p) + 1;
	}
	size_t body = n < f->number ? n : (size_t)f->number;

	f->number -= body;
	if (f->number == 0)
		f->state = FRAME_BODY_CR;
	return body;
}

static bool take_byte(struct frame *f, char c)
{
	switch (f->state) {
	case FRAME_TYPE:
		return start_value(f, c);
	case FRAME_NUMBER:
		return take_digit(f, c);
	case FRAME_LF:
		return c == '\n' && end_line(f);
	case FRAME_BODY_CR:
		f->state = FRAME_BODY_LF;
		return c == '\r';
	case FRAME_BODY_LF:
		end_value(f);
		return c == '\n';
	default:
		return false;
	}
}

enum frame_verdict frame_scan(struct frame *f, const char *p, size_t n, size_t *ret_used)
{
	size_t at = 0;

	if (f->values == 0)
		f->values = 1;
	while (at < n && f->values > 0) {
		size_t run = 1;

		if (f->state == FRAME_TEXT || f->state == FRAME_BODY)
			run = take_run(f, p + at, n - at);
		else if (!take_byte(f, p[at]))
			return FRAME_BAD;
		at += run;
		f->bytes += run;
		if (f->bytes > FRAME_MAX_BYTES)
			f->over = true;
	}
	*ret_used = at;
	return f->values > 0 ? FRAME_MORE : FRAME_DONE;
}
