/* SPDX-License-Identifier: MIT */
/* Decoding UTF-8 strictly (RFC 3629); see utf8.h. */
#include "base/utf8.h"

/* How long a code point with this first byte is; 0 where no code point begins so. */
static size_t length_of(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

size_t utf8_next(struct slice text, uint32_t *ret_point)
{
	static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};

	if (text.n == 0)
		return 0;
	uint8_t first = (uint8_t)text.p[0];
	size_t n = length_of(first);
	uint32_t point = first & masks[n];
	if (n == 0 || n > text.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		uint8_t byte = (uint8_t)text.p[i];

		if ((byte & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (byte & 0x3f);
	}
	if (point < smallest[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return n;
}

struct slice utf8_trim(struct slice text)
{
	for (size_t back = 1; back <= 3 && back <= text.n; back++) {
		uint8_t byte = (uint8_t)text.p[text.n - back];

		if ((byte & 0xc0) == 0x80)
			continue;
		return length_of(byte) > back ? slice_of(text.p, text.n - back) : text;
	}
	return text;
}
