/* SPDX-License-Identifier: MIT */
/* Base64 in both alphabets; see base64.h. */
#include "base/base64.h"

#include <assert.h>
#include <string.h>

static const char base64_plain[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Whole groups first: a value may have megabytes. */
void base64_encode(struct slice data, bool url, struct buf *out)
{
	const char *alphabet = url ? base64_url : base64_plain;
	const uint8_t *from = (const uint8_t *)data.p;
	char *begin = buf_reserve(out, data.n / 3 * 4 + 4), *to = begin;
	size_t rest = data.n % 3;

	for (size_t i = 0; i < data.n - rest; i += 3) {
		uint32_t bits = (uint32_t)from[i] << 16 | (uint32_t)from[i + 1] << 8 | from[i + 2];

		*to++ = alphabet[bits >> 18];
		*to++ = alphabet[bits >> 12 & 63];
		*to++ = alphabet[bits >> 6 & 63];
		*to++ = alphabet[bits & 63];
	}
	if (rest) {
		uint32_t bits = (uint32_t)from[data.n - rest] << 16;

		if (rest == 2)
			bits |= (uint32_t)from[data.n - 1] << 8;
		for (size_t j = 0; j < 4; j++)
			if (j <= rest || !url)
				*to++ = j <= rest ? alphabet[bits >> (18 - 6 * j) & 63] : '=';
	}
	*to = '\0';
	out->n += (size_t)(to - begin);
}

enum { no_digit = 0xff };

/* What each byte stands for. */
static void base64_digits(bool url, uint8_t ret[256])
{
	const char *alphabet = url ? base64_url : base64_plain;

	memset(ret, no_digit, 256);
	for (uint8_t i = 0; i < 64; i++)
		ret[(uint8_t)alphabet[i]] = i;
}

/* 2 to 4 digits to the 1 to 3 bytes they stand for; left-over bits must be 0. */
static bool decode_group(const uint8_t digits[256], struct slice text, char *to)
{
	uint32_t bits = 0;
	size_t bytes = text.n - 1;

	for (size_t i = 0; i < text.n; i++) {
		uint8_t digit = digits[(uint8_t)text.p[i]];

		if (digit == no_digit)
			return false;
		bits |= (uint32_t)digit << (18 - 6 * i);
	}
	for (size_t i = 0; i < bytes; i++)
		to[i] = (char)(uint8_t)(bits >> (16 - 8 * i));
	return (bits & (0xffffffu >> 8 * bytes)) == 0;
}

bool base64_decode(struct slice text, bool url, struct buf *out)
{
	uint8_t digits[256];
	char *to;

	if (!url) {
		if (text.n % 4 != 0)
			return false;
		if (text.n > 0 && text.p[text.n - 1] == '=')
			text.n -= text.p[text.n - 2] == '=' ? 2 : 1;
	}
	if (text.n % 4 == 1)
		return false;
	base64_digits(url, digits);
	to = buf_reserve(out, text.n / 4 * 3 + 3);
	for (size_t i = 0; i < text.n; i += 4) {
		size_t n = text.n - i < 4 ? text.n - i : 4;

		if (!decode_group(digits, slice_of(text.p + i, n), to)) {
			out->p[out->n] = '\0';
			return false;
		}
		to += n - 1;
	}
	*to = '\0';
	out->n = (size_t)(to - out->p);
	return true;
}
