/* SPDX-License-Identifier: MIT */
/* Escapes and quoting of JSON strings; see json.h and json_text.h. */
#include "text/json_text.h"

#include <string.h>

#include "base/hex.h"
#include "base/utf8.h"
#include "text/json.h"

/* Quoted at a time, so that the room for their longest possible form stays small. */
enum { piece_bytes = 4096 };

int json_hex4(const char *p)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_value(p[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* Decodes the checked escape at *p (a backslash) and steps over it; returns the number of bytes. */
static unsigned json_unescape(const char **p, char out[4])
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
		return utf8_encode(value, out);
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

/* Writes the control byte, quote or backslash `c` as it must stand in a string; returns the end. */
static char *quote_byte(char *to, char c)
{
	/* By control byte; a space where it has no letter of its own. */
	static const char letters[] = "        btn fr                  ";
	unsigned char byte = (unsigned char)c;
	char letter = byte < sizeof letters - 1 ? letters[byte] : c;

	*to++ = '\\';
	if (letter != ' ') {
		*to++ = letter;
		return to;
	}
	memcpy(to, "u00", 3);
	to[3] = hex_digit(byte >> 4);
	to[4] = hex_digit(byte & 15U);
	return to + 5;
}

/* [p, until), and what of a code point reaches beyond, up to `end`; returns where that is. */
static const char *quote_piece(char **to, const char *p, const char *until, const char *end)
{
	while (p < until) {
		if ((unsigned char)*p < ' ' || *p == '"' || *p == '\\') {
			*to = quote_byte(*to, *p++);
			continue;
		}
		const char *stop = json_skip_plain(p, until);
		bool strange = stop < until && (unsigned char)*stop >= 0x80;
		int n = strange ? utf8_bytes(stop, end) : 0;

		*to = mempcpy(*to, p, (size_t)(stop - p) + (n > 0 ? (size_t)n : 0));
		if (strange && n <= 0)
			*to = mempcpy(*to, "\xef\xbf\xbd", 3);
		p = stop + (n > 0 ? n : strange);
	}
	return p;
}

void json_quote(struct buf *out, struct slice text)
{
	const char *p = text.p, *end = slice_end(text);

	buf_reserve(out, text.n + 2);
	buf_char(out, '"');
	while (p < end) {
		size_t n = (size_t)(end - p) < piece_bytes ? (size_t)(end - p) : piece_bytes;
		char *to = buf_reserve(out, 6 * n + 4);

		p = quote_piece(&to, p, p + n, end);
		out->n = (size_t)(to - out->p);
	}
	buf_char(out, '"');
}
