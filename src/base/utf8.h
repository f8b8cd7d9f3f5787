/* SPDX-License-Identifier: MIT */
/* UTF-8 (RFC 3629), decoded strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
#ifndef CW_BASE_UTF8_H
#define CW_BASE_UTF8_H

#include "base/slice.h"

enum { UTF8_BAD = 0, UTF8_CUT = -1 };

/* Bytes of the code point at `p` (1..4); UTF8_BAD; UTF8_CUT where `end` cuts a so far valid one. */
int utf8_bytes(const char *p, const char *end);
bool utf8_valid(struct slice text);
/* Reads the code point that `text` begins with; returns its length, 0 if it is not a valid one. */
size_t utf8_next(struct slice text, uint32_t *ret_point);
/* `text` without the beginning of a code point that its end has cut off. */
struct slice utf8_trim(struct slice text);
/* Writes a code point; returns its length. */
unsigned utf8_encode(uint32_t point, char out[4]);

#endif
