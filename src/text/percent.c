/* SPDX-License-Identifier: MIT */
/* The percent codec; see percent.h. */
#include "text/percent.h"

#include <string.h>

#include "base/hex.h"

static bool is_plain(char c, const char *plain)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr(plain, c));
}

void percent_encode(struct slice text, const char *plain, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (is_plain(c, plain))
			buf_char(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

bool percent_decode(char *text, size_t *n, unsigned flags)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		char c = text[i];

		if (c == '+' && (flags & PERCENT_FORM))
			c = ' ';
		else if (c == '%' && i + 2 < *n && hex_decode(slice_of(text + i + 1, 2), &c, 1))
			i += 2;
		else if (c == '%' && !(flags & PERCENT_LENIENT))
			return false;
		text[kept++] = c;
	}
	*n = kept;
	return true;
}
