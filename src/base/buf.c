/* SPDX-License-Identifier: MIT */
/* Growing bytes and borrowed views of them; see buf.h. */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct slice slice_of(const char *p, size_t n)
{
	return (struct slice){p, n};
}

struct slice slice_str(const char *s)
{
	return (struct slice){s ? s : "", s ? strlen(s) : 0};
}

bool slice_equal(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_is(struct slice a, const char *text)
{
	return slice_equal(a, slice_str(text));
}

bool slice_starts(struct slice a, struct slice prefix)
{
	return a.n >= prefix.n && slice_equal(slice_of(a.p, prefix.n), prefix);
}

int slice_compare(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	if (order)
		return order;
	return (a.n > b.n) - (a.n < b.n);
}

int slice_compare_items(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

bool slice_uint64(struct slice a, uint64_t *ret)
{
	uint64_t value = 0;

	if (a.n == 0 || a.n > 20 || (a.n > 1 && a.p[0] == '0'))
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] < '0' || a.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(a.p[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

bool slice_int64(struct slice a, int64_t *ret)
{
	uint64_t magnitude;
	bool negative = a.n > 0 && a.p[0] == '-';

	if (!slice_uint64(negative ? slice_skip(a, 1) : a, &magnitude))
		return false;
	if (negative) {
		if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1)
			return false;
		*ret = magnitude == (uint64_t)INT64_MAX + 1 ? INT64_MIN : -(int64_t)magnitude;
		return true;
	}
	if (magnitude > INT64_MAX)
		return false;
	*ret = (int64_t)magnitude;
	return true;
}

struct slice slice_of_int(char room[SLICE_INT_ROOM], int64_t value)
{
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	size_t at = SLICE_INT_ROOM - 1;

	room[at] = '\0';
	do {
		room[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (value < 0)
		room[--at] = '-';
	return slice_of(room + at, SLICE_INT_ROOM - 1 - at);
}

char *slice_dup(struct slice a)
{
	return mem_strndup(a.p, a.n);
}

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
