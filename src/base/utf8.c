/* SPDX-License-Identifier: MIT */
/* UTF-8; see utf8.h. */
#include "base/utf8.h"

#include <string.h>

/* Bounds of the second byte keep overlong forms, surrogates and values over 10FFFF out. */
int utf8_bytes(const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p, low = 0x80, high = 0xbf;
	int n;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return UTF8_BAD;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (int i = 1; i < n; i++) {
		if (p + i == end)
			return UTF8_CUT;
		if ((unsigned char)p[i] < low || (unsigned char)p[i] > high)
			return UTF8_BAD;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

bool utf8_valid(struct slice text)
{
	const char *p = text.p, *end = slice_end(text);

	while (p < end) {
		uint64_t eight;
		int n;

		if (end - p >= 8) {
			memcpy(&eight, p, sizeof eight);
			if (!(eight & UINT64_C(0x8080808080808080))) {
				p += 8;
				continue;
			}
		}
		n = utf8_bytes(p, end);
		if (n <= 0)
			return false;
		p += n;
	}
	return true;
}

size_t utf8_next(struct slice text, uint32_t *ret_point)
{
	static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	int n = text.n ? utf8_bytes(text.p, slice_end(text)) : 0;

	if (n <= 0)
		return 0;
	*ret_point = (uint8_t)text.p[0] & masks[n];
	for (int i = 1; i < n; i++)
		*ret_point = *ret_point << 6 | ((uint8_t)text.p[i] & 0x3f);
	return (size_t)n;
}

struct slice utf8_trim(struct slice text)
{
	for (size_t back = 1; back <= 3 && back <= text.n; back++) {
		const char *p = slice_end(text) - back;

		if (((uint8_t)*p & 0xc0) != 0x80)
			return utf8_bytes(p, slice_end(text)) == UTF8_CUT
				       ? slice_of(text.p, text.n - back)
				       : text;
	}
	return text;
}

unsigned utf8_encode(uint32_t point, char out[4])
{
	static const uint8_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};
	unsigned n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

	for (unsigned i = n; --i > 0; point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3f));
	out[0] = (char)(first[n] | point);
	return n;
}
