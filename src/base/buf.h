/* SPDX-License-Identifier: MIT */
/*
 * Bytes that are owned and grow. `p` is always followed by a NUL that `n` does not count, so that
 * `buf.p` is a C string where the bytes are text. A zeroed struct buf is a valid empty one.
 */
#ifndef CW_BASE_BUF_H
#define CW_BASE_BUF_H

#include <stdarg.h>

#include "base/slice.h"

struct buf {
	char *p;
	size_t n;
	size_t cap;
};

void buf_release(struct buf *b); /* frees the bytes; the buf is empty and usable again */
void buf_clear(struct buf *b);	 /* keeps the memory */
/* Room for at least `extra` bytes behind the text; add what was written to `n`. */
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
/* Gives the bytes (never NULL, NUL-terminated) to the caller; the buf is empty afterwards. */
char *buf_steal(struct buf *b, size_t *ret_n);

#endif
