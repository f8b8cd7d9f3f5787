/* SPDX-License-Identifier: MIT */
/* Hexadecimal. */
#ifndef CW_BASE_HEX_H
#define CW_BASE_HEX_H

#include "base/buf.h"

/* Lower-case hexadecimal, and back (either case); false where it is not exactly 2n digits. */
void hex_encode(const void *p, size_t n, struct buf *out);
bool hex_decode(struct slice text, void *p, size_t n);

#endif
