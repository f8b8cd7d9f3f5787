/* SPDX-License-Identifier: MIT */
/* Hexadecimal digits; see hex.h. */
#include "base/hex.h"

void hex_encode(const void *p, size_t n, struct buf *out)
{
	const uint8_t *from = p;
	char *to = buf_reserve(out, 2 * n);

	for (size_t i = 0; i < n; i++) {
		*to++ = hex_digit(from[i] >> 4);
		*to++ = hex_digit(from[i] & 15U);
	}
	*to = '\0';
	out->n += 2 * n;
}

int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(struct slice text, void *p, size_t n)
{
	uint8_t *to = p;

	if (text.n % 2 != 0 || text.n / 2 != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_value(text.p[2 * i]);
		int low = hex_value(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
