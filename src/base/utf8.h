/* SPDX-License-Identifier: MIT */
/* UTF-8, one code point at a time. */
#ifndef CW_BASE_UTF8_H
#define CW_BASE_UTF8_H

#include "base/buf.h"

/*
 * The length (1..4) of the code point that `text` begins with, stored in *ret_point; 0 where there
 * is none: text at its end, cut off, overlong, a surrogate or beyond U+10FFFF.
 */
size_t utf8_next(struct slice text, uint32_t *ret_point);
/* `text` without the beginning of a code point that its end has cut off. */
struct slice utf8_trim(struct slice text);

#endif
