/* SPDX-License-Identifier: MIT */
/* Hexadecimal. */
#ifndef CW_BASE_HEX_H
#define CW_BASE_HEX_H

#include "base/buf.h"

/* The digit (lower case) of 0..15, and the value of a digit (either case), -1 for another byte. */
static inline char hex_digit(unsigned value)
{
	return "0123456789abcdef"[value];
}
int hex_value(char c);
/* Appends 2n digits, and back; false where `text` is not exactly 2n digits. */
void hex_encode(const void *p, size_t n, struct buf *out);
bool hex_decode(struct slice text, void *p, size_t n);

#endif
