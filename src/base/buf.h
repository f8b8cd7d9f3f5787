/* SPDX-License-Identifier: MIT */
/*
 * Bytes: `struct slice` borrows them, `struct buf` owns them.
 *
 * A slice is a view that never frees and may hold any byte, NUL too. A buf grows; `p` is always
 * followed by a NUL that `n` does not count, so `buf.p` is a C string where the bytes are text.
 * A zeroed struct buf is a valid empty one.
 */
#ifndef CW_BASE_BUF_H
#define CW_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const char *p;
	size_t n;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

struct slice slice_of(const char *p, size_t n);
/* What lies behind its last byte: `p` of an empty one, which may be NULL and is not added to. */
static inline const char *slice_end(struct slice s)
{
	return s.n ? s.p + s.n : s.p;
}
/* What follows its first `n` bytes; of an empty one itself. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
	return n ? slice_of(s.p + n, s.n - n) : s;
}
struct slice slice_str(const char *s); /* NULL gives the empty slice */
bool slice_equal(struct slice a, struct slice b);
bool slice_is(struct slice a, const char *text);
bool slice_starts(struct slice a, struct slice prefix);
/* Orders by bytes, the shorter first where one is the other's beginning. As memcmp(3). */
int slice_compare(struct slice a, struct slice b);
/* The same of two items of an array, for qsort(3) and bsearch(3). */
int slice_compare_items(const void *a, const void *b);
/* Strict decimal integers over the whole slice: no sign `+`, no spaces, no leading zeros. */
bool slice_int64(struct slice a, int64_t *ret);
bool slice_uint64(struct slice a, uint64_t *ret);
/* Decimal digits of `value` in `room`, which a NUL ends. */
enum { SLICE_INT_ROOM = 24 };
struct slice slice_of_int(char room[SLICE_INT_ROOM], int64_t value);
/* A NUL-terminated copy that the caller frees. */
char *slice_dup(struct slice a);

struct buf {
	char *p;
	size_t n;
	size_t cap;
};

void buf_release(struct buf *b); /* frees the bytes; the buf is empty and usable again */
void buf_clear(struct buf *b);	 /* keeps the memory */
/* At least `extra` bytes can be written at the returned place; add what was written to `n`. */
char *buf_reserve(struct buf *b, size_t extra);
void buf_append(struct buf *b, const void *p, size_t n);
void buf_add(struct buf *b, struct slice s);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_uint(struct buf *b, uint64_t value);
void buf_int(struct buf *b, int64_t value);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args);
/* Drops the first `n` bytes; the rest moves to the front. */
void buf_consume(struct buf *b, size_t n);
struct slice buf_slice(const struct buf *b);
/* Hands the bytes (never NULL, NUL-terminated) to the caller; the buf is empty afterwards. */
char *buf_steal(struct buf *b, size_t *ret_n);

#endif
