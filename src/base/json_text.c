/* SPDX-License-Identifier: MIT */
/* UTF-8, escapes and quoting of JSON strings; see json.h and json_text.h. */
#include "base/json_text.h"

#include "base/json.h"

/* Bounds of the second byte keep overlong forms, surrogates and values over 10FFFF out. */
int json_utf8(const char *p, const char *end)
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
	const char *p = text.p, *end = p + text.n;

	while (p < end) {
		int n;

		if (end - p >= 8 && !(json_eight(p) & JSON_EACH_BYTE(0x80))) {
			p += 8;
			continue;
		}
		n = json_utf8(p, end);
		if (n <= 0)
			return false;
		p += n;
	}
	return true;
}

int json_hex4(const char *p)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i], lower = (char)(c | 0x20);

		if (c >= '0' && c <= '9')
			value = value * 16 + c - '0';
		else if (lower >= 'a' && lower <= 'f')
			value = value * 16 + lower - 'a' + 10;
		else
			return -1;
	}
	return value;
}

static unsigned encode_utf8(unsigned c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

unsigned json_unescape(const char **p, char out[4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char c = (*p)[1];

	if (c == 'u') {
		unsigned value = (unsigned)json_hex4(*p + 2);

		*p += 6;
		if (value >= 0xd800 && value < 0xdc00) {
			unsigned low = (unsigned)json_hex4(*p + 2);

			*p += 6;
			value = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
		}
		return encode_utf8(value, out);
	}
	const char *found = strchr(from, c);

	out[0] = found ? to[found - from] : c;
	*p += 2;
	return 1;
}

int json_bytes_next(struct json_bytes *b)
{
	if (b->at < b->n)
		return (unsigned char)b->pending[b->at++];
	if (b->p == b->end)
		return -1;
	if (*b->p != '\\')
		return (unsigned char)*b->p++;
	b->n = json_unescape(&b->p, b->pending);
	b->at = 1;
	return (unsigned char)b->pending[0];
}

void json_decode_string(struct json_value string, struct buf *out)
{
	const char *p = string.text.p + 1, *end = string.text.p + string.text.n - 1;

	buf_reserve(out, string.text.n);
	while (p < end) {
		const char *stop = memchr(p, '\\', (size_t)(end - p));
		char bytes[4];

		buf_append(out, p, (size_t)((stop ? stop : end) - p));
		if (!stop)
			return;
		p = stop;
		buf_append(out, bytes, json_unescape(&p, bytes));
	}
}

/* The control byte, quote or backslash `c` as it must stand in a string. */
static void quote_byte(struct buf *out, char c)
{
	static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
	const char *found = c ? strchr(from, c) : NULL;

	if (found) {
		char pair[2] = {'\\', to[found - from]};

		buf_append(out, pair, 2);
	} else {
		buf_printf(out, "\\u%04x", (unsigned char)c);
	}
}

void json_quote(struct buf *out, struct slice text)
{
	const char *p = text.p, *end = p + text.n;

	buf_reserve(out, text.n + 2);
	buf_char(out, '"');
	while (p < end) {
		const char *stop = json_skip_plain(p, end);
		int n;

		if (stop > p)
			buf_append(out, p, (size_t)(stop - p));
		p = stop;
		if (p == end)
			break;
		n = json_utf8(p, end);
		if (n == 1)
			quote_byte(out, *p);
		else if (n > 1)
			buf_append(out, p, (size_t)n);
		else
			buf_str(out, "\xef\xbf\xbd");
		p += n > 1 ? n : 1;
	}
	buf_char(out, '"');
}
