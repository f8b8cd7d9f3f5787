/* SPDX-License-Identifier: MIT */
/*
 * Reads RESP2 piece by piece; see resp.h. One reply is a few blocks of memory, the first of which
 * begins with the root, so that a page of a thousand keys costs a handful of allocations.
 *
 *	TYPE -> NUMBER -> LF -> BODY -> BODY_CR -> BODY_LF -> the next TYPE
 *	     `-> TEXT --^  `-> the next TYPE
 */
#include "redis/resp.h"

#include <stdalign.h>
#include <string.h>

#include "base/mem.h"
#include "redis/value_block.h"

/* A server would not send a length above these. */
#define MAX_BULK   (UINT64_C(1) << 40)
#define MAX_ARRAY  (UINT64_C(1) << 32)
#define MAX_VALUES (UINT64_C(1) << 53)

enum { max_digits = 19, block_bytes = 16 * 1024, guess_per_element = 96 };

struct resp {
	enum {
		TYPE,	/* the first byte of a value */
		NUMBER, /* digits of an integer or a length */
		TEXT,	/* a status or error line */
		LF,	/* the end of such a line */
		BODY,	/* the bytes of a string */
		BODY_CR,
		BODY_LF,
	} state;
	char type;
	char sign; /* NUL = none */
	uint8_t digits;
	uint64_t number; /* the integer or length read so far; in a body: what is left of it */

	/* The reply. */
	bool over;
	uint64_t values; /* still to come; 0 before the first byte */
	uint64_t elements, bytes;
	unsigned depth;
	struct level {
		struct redis_value *array;
		size_t filled;
	} levels[RESP_MAX_DEPTH];
	struct redis_value *root;
	struct value_block *block; /* the one that is being filled */
	char *body;		   /* where the string's next bytes go; NULL while skipping */
	struct buf line;	   /* the beginning of an incomplete line */
};

static struct value_block *block_new(size_t bytes)
{
	struct value_block *block = mem_alloc(sizeof *block + bytes);

	block->next = NULL;
	block->used = 0;
	block->bytes = bytes;
	return block;
}

/* Adds a value with `extra` bytes after it to the tree. `guess`: further bytes for the root's
 * block. */
static struct redis_value *add_value(
	struct resp *r, enum redis_type type, size_t extra, size_t guess)
{
	size_t need = (sizeof(struct redis_value) + extra + alignof(max_align_t) - 1) &
		      ~(alignof(max_align_t) - 1);

	if (!r->root) {
		r->block = block_new(need + guess);
	} else if (r->block->bytes - r->block->used < need) {
		r->block->next = block_new(need > block_bytes ? need : block_bytes);
		r->block = r->block->next;
	}
	struct redis_value *value = (void *)(r->block->data + r->block->used);

	r->block->used += need;
	*value = (struct redis_value){.type = type};
	if (r->depth > 0) {
		struct level *level = &r->levels[r->depth - 1];

		level->array->items[level->filled++] = value;
	} else {
		r->root = value;
	}
	return value;
}

static char *add_text(struct resp *r, enum redis_type type, size_t n)
{
	struct redis_value *value = add_value(r, type, n + 1, 0);
	char *text = (char *)(value + 1);

	text[n] = '\0';
	value->text = slice_of(text, n);
	return text;
}

static struct redis_value *add_array(struct resp *r, size_t n)
{
	size_t guess = n * guess_per_element;
	struct redis_value *value = add_value(r, REDIS_ARRAY, n * sizeof(void *),
		guess > block_bytes ? (size_t)block_bytes : guess);

	value->count = n;
	value->items = (struct redis_value **)(value + 1);
	return value;
}

/* Drops what was read of a reply over a limit; from then on values are only counted. */
static void skip(struct resp *r)
{
	r->over = true;
	r->depth = 0;
	r->body = NULL;
	redis_value_free(r->root);
	r->root = NULL;
	buf_release(&r->line);
}

static bool begin_value(struct resp *r, char c)
{
	r->type = c;
	r->number = 0;
	r->digits = 0;
	r->sign = '\0';
	switch (c) {
	case '+':
	case '-':
		r->state = TEXT;
		return true;
	case ':':
	case '$':
	case '*':
		r->state = NUMBER;
		return true;
	default:
		return false;
	}
}

/* One value has ended, and with it every array whose last element it was. */
static void end_value(struct resp *r)
{
	r->state = TYPE;
	r->values--;
	while (r->depth > 0 &&
		r->levels[r->depth - 1].filled == r->levels[r->depth - 1].array->count)
		r->depth--;
}

/* Numbers are cut to what JSON can represent exactly. */
static bool end_integer(struct resp *r)
{
	bool negative = r->sign == '-';
	int64_t number =
		r->number < (uint64_t)REDIS_MAX_NUMBER ? (int64_t)r->number : REDIS_MAX_NUMBER;

	if (r->number > (uint64_t)INT64_MAX + negative)
		return false;
	if (!r->over)
		add_value(r, REDIS_INTEGER, 0, 0)->integer = negative ? -number : number;
	end_value(r);
	return true;
}

static bool begin_array(struct resp *r)
{
	if (r->number > MAX_ARRAY || r->values + r->number > MAX_VALUES)
		return false;
	r->elements += r->number;
	if (!r->over && (r->elements > RESP_MAX_ELEMENTS || r->depth == RESP_MAX_DEPTH))
		skip(r);
	struct redis_value *array = r->over ? NULL : add_array(r, (size_t)r->number);

	if (r->number == 0) {
		end_value(r);
		return true;
	}
	if (array)
		r->levels[r->depth++] = (struct level){.array = array};
	r->values += r->number - 1;
	r->state = TYPE;
	return true;
}

static bool begin_string(struct resp *r)
{
	if (r->number > MAX_BULK)
		return false;
	if (!r->over && r->bytes + r->number > RESP_MAX_BYTES)
		skip(r);
	if (!r->over)
		r->body = add_text(r, REDIS_STRING, (size_t)r->number);
	r->state = r->number ? BODY : BODY_CR;
	return true;
}

/* After the line that a value begins with. */
static bool end_line(struct resp *r)
{
	if (r->type == ':')
		return end_integer(r);
	if (r->type == '$' || r->type == '*') {
		if (!r->sign)
			return r->type == '$' ? begin_string(r) : begin_array(r);
		if (r->number != 1 || r->digits != 1)
			return false;
		if (!r->over)
			add_value(r, REDIS_NIL, 0, 0);
	}
	end_value(r);
	return true;
}

/* Up to the CR after the digits. Returns the number of bytes, 0 if they are not a number. */
static size_t take_number(struct resp *r, const char *p, size_t n)
{
	size_t i = 0;

	for (; i < n && p[i] != '\r'; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9' && r->digits < max_digits) {
			r->digits++;
			r->number = r->number * 10 + (uint64_t)(c - '0');
		} else if ((c == '-' || (c == '+' && r->type == ':')) && !r->sign && !r->digits) {
			r->sign = c;
		} else {
			return 0;
		}
	}
	if (i == n)
		return n;
	r->state = LF;
	return r->digits ? i + 1 : 0;
}

static size_t take_text(struct resp *r, const char *p, size_t n)
{
	const char *end = memchr(p, '\r', n);
	struct slice text = slice_of(p, end ? (size_t)(end - p) : n);

	if (end)
		r->state = LF;
	if (r->over)
		return text.n + (end != NULL);
	if (!end || r->line.n) {
		buf_add(&r->line, text);
		text = buf_slice(&r->line);
	}
	if (end) {
		memcpy(add_text(r, r->type == '+' ? REDIS_STATUS : REDIS_ERROR, text.n), text.p,
			text.n);
		buf_release(&r->line);
		return (size_t)(end - p) + 1;
	}
	return n;
}

static size_t take_body(struct resp *r, const char *p, size_t n)
{
	if (n > r->number)
		n = (size_t)r->number;
	if (r->body) {
		memcpy(r->body, p, n);
		r->body += n;
	}
	r->number -= n;
	if (r->number == 0)
		r->state = BODY_CR;
	return n;
}

static bool take_byte(struct resp *r, char c)
{
	switch (r->state) {
	case TYPE:
		return begin_value(r, c);
	case LF:
		return c == '\n' && end_line(r);
	case BODY_CR:
		r->state = BODY_LF;
		return c == '\r';
	case BODY_LF:
		end_value(r);
		return c == '\n';
	default:
		return false;
	}
}

/* Takes a run of bytes and returns its length; 0 if they are not RESP2. */
static size_t take(struct resp *r, const char *p, size_t n)
{
	switch (r->state) {
	case NUMBER:
		return take_number(r, p, n);
	case TEXT:
		return take_text(r, p, n);
	case BODY:
		return take_body(r, p, n);
	default:
		return take_byte(r, *p);
	}
}

static enum resp_result end_reply(struct resp *r, struct redis_value **ret)
{
	enum resp_result result = r->over ? RESP_TOO_LARGE : RESP_VALUE;

	if (!r->over)
		*ret = r->root;
	r->root = NULL;
	r->over = false;
	r->elements = r->bytes = 0;
	return result;
}

enum resp_result resp_feed(
	struct resp *r, struct slice bytes, size_t *ret_used, struct redis_value **ret)
{
	*ret_used = 0;
	if (r->values == 0)
		r->values = 1;
	while (*ret_used < bytes.n && r->values > 0) {
		size_t n = take(r, bytes.p + *ret_used, bytes.n - *ret_used);

		if (n == 0)
			return RESP_BAD;
		*ret_used += n;
		r->bytes += n;
		if (r->bytes > RESP_MAX_BYTES && !r->over)
			skip(r);
	}
	return r->values > 0 ? RESP_MORE : end_reply(r, ret);
}

bool resp_skipping(const struct resp *reader)
{
	return reader->over;
}

struct resp *resp_new(void)
{
	return mem_new(struct resp);
}

void resp_free(struct resp *reader)
{
	if (!reader)
		return;
	redis_value_free(reader->root);
	buf_release(&reader->line);
	mem_free(reader);
}
