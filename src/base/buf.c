/* SPDX-License-Identifier: MIT */
/* Growing bytes; see buf.h. */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void buf_release(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t extra)
{
	size_t need = b->n + extra + 1;

	assert(need > extra);
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap : 64;

		while (cap < need)
			cap += cap / 2;
		b->p = mem_realloc(b->p, cap);
		b->cap = cap;
	}
	return b->p + b->n;
}

void buf_append(struct buf *b, const void *p, size_t n)
{
	char *to = buf_reserve(b, n);

	if (n)
		memcpy(to, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_add(struct buf *b, struct slice s)
{
	buf_append(b, s.p, s.n);
}

void buf_str(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_uint(struct buf *b, uint64_t value)
{
	char digits[20];
	size_t n = sizeof digits;

	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buf_append(b, digits + n, sizeof digits - n);
}

void buf_int(struct buf *b, int64_t value)
{
	if (value < 0)
		buf_char(b, '-');
	buf_uint(b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	assert(n >= 0);
	char *to = buf_reserve(b, (size_t)n);
	vsnprintf(to, (size_t)n + 1, format, args);
	b->n += (size_t)n;
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(b, format, args);
	va_end(args);
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->n);
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	b->p[b->n] = '\0';
}

struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->p ? b->p : "", b->n);
}

char *buf_steal(struct buf *b, size_t *ret_n)
{
	char *p = b->p ? b->p : mem_strdup("");

	if (ret_n)
		*ret_n = b->n;
	*b = (struct buf){0};
	return p;
}
