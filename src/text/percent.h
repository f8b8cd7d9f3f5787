/* SPDX-License-Identifier: MIT */
/* Percent-encoding (RFC 3986, 2.1) of URLs, templates' values and header tags. */
#ifndef CW_TEXT_PERCENT_H
#define CW_TEXT_PERCENT_H

#include "base/buf.h"

enum percent_flags {
	PERCENT_FORM = 1,    /* `+` stands for a space, as in a query */
	PERCENT_LENIENT = 2, /* a `%` without two hexadecimal digits stays, as servers do it */
};

/* What stays as it is in URLs besides letters and digits (RFC 3986, 2.3). */
#define PERCENT_UNRESERVED "._~-"

/* Appends `text`; all bytes but letters, digits and those of `plain` become %XX. */
void percent_encode(struct slice text, const char *plain, struct buf *out);
/*
 * Decodes the *n bytes at `text` in place and shortens *n; false where a `%` is not followed by two
 * hexadecimal digits (unless PERCENT_LENIENT), and then the bytes are good for nothing.
 */
bool percent_decode(char *text, size_t *n, unsigned flags);

#endif
