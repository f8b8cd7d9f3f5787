/* SPDX-License-Identifier: MIT */
/*
 * The bytes of JSON strings: shared by the scanner, the views and the writer of json.h.
 *
 * Internal to text/json*.c. The skip functions examine eight bytes at once.
 */
#ifndef CW_TEXT_JSON_TEXT_H
#define CW_TEXT_JSON_TEXT_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define JSON_EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* The high bit of each byte of `x` that is zero; bits above the lowest one may be wrong. */
static inline uint64_t json_zeros(uint64_t x)
{
	return (x - JSON_EACH_BYTE(1)) & ~x & JSON_EACH_BYTE(0x80);
}

static inline uint64_t json_eight(const char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof x);
	return le64toh(x);
}

/* The first byte from `p` on that ends a string or is special: quote, backslash, control, > 7F. */
static inline const char *json_skip_plain(const char *p, const char *end)
{
	while (end - p >= 8) {
		uint64_t x = json_eight(p);
		uint64_t stop = json_zeros(x ^ JSON_EACH_BYTE('"')) |
				json_zeros(x ^ JSON_EACH_BYTE('\\')) |
				((x - JSON_EACH_BYTE(0x20)) & ~x) | x;

		stop &= JSON_EACH_BYTE(0x80);
		if (stop)
			return p + __builtin_ctzll(stop) / 8;
		p += 8;
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
		*p != '\\')
		p++;
	return p;
}

/* The closing quote of a checked string whose text begins at `p`. */
static inline const char *json_skip_string(const char *p, const char *end)
{
	for (;;) {
		while (end - p >= 8) {
			uint64_t x = json_eight(p);
			uint64_t stop = json_zeros(x ^ JSON_EACH_BYTE('"')) |
					json_zeros(x ^ JSON_EACH_BYTE('\\'));

			if (stop) {
				p += __builtin_ctzll(stop) / 8;
				break;
			}
			p += 8;
		}
		while (*p != '"' && *p != '\\')
			p++;
		if (*p == '"')
			return p;
		p += 2;
	}
}

static inline const char *json_skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* The value of four hex digits, or -1. */
int json_hex4(const char *p);

/* The decoded bytes of a string, one at a time; -1 at the end. */
struct json_bytes {
	const char *p, *end;
	char pending[4];
	unsigned at, n;
};

int json_bytes_next(struct json_bytes *b);

#endif
