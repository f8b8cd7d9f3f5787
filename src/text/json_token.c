/* SPDX-License-Identifier: MIT */
/* Strings, numbers and words of JSON, checked strictly; see json_token.h. */
#include "text/json_token.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "text/json_text.h"

enum step json_token_bad(struct json_scan *s, const char *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->why, sizeof s->why, format, args);
	va_end(args);
	s->p = at;
	return STEP_BAD;
}

enum step json_token_unexpected(struct json_scan *s, const char *at, const char *wanted)
{
	unsigned char c = (unsigned char)*at;

	if (at == s->start && s->end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		return json_token_bad(s, at, "a byte order mark stands here; leave it out");
	if (c > 0x20 && c < 0x7f)
		return json_token_bad(s, at, "'%c' stands where %s is expected", c, wanted);
	return json_token_bad(s, at, "byte 0x%02X stands where %s is expected", c, wanted);
}

static enum step cut(struct json_scan *s)
{
	s->p = s->end;
	return STEP_MORE;
}

/* Reads the `\uXXXX` at `p` as far as the text goes; *ret < 0 where something else stands there. */
static enum step hex_escape(struct json_scan *s, const char *p, int *ret)
{
	*ret = -1;
	for (int i = 0; i < 6; i++) {
		if (p + i == s->end)
			return cut(s);
		if (i < 2 ? p[i] != "\\u"[i] : !isxdigit((unsigned char)p[i]))
			return STEP_OK;
	}
	*ret = json_hex4(p + 2);
	return STEP_OK;
}

static enum step scan_unicode(struct json_scan *s)
{
	const char *p = s->p;
	int high, low = -1;

	if (hex_escape(s, p, &high) == STEP_MORE)
		return STEP_MORE;
	if (high < 0)
		return json_token_bad(s, p, "four hexadecimal digits must follow \\u");
	if (high == 0 && !s->limits->allow_nul)
		return json_token_bad(s, p, "\\u0000 is not accepted here; leave it out");
	s->p = p + 6;
	if (high < 0xd800 || high > 0xdfff)
		return STEP_OK;
	if (high < 0xdc00 && hex_escape(s, p + 6, &low) == STEP_MORE)
		return STEP_MORE;
	if (low < 0xdc00 || low > 0xdfff)
		return json_token_bad(s, p,
			"%.6s is half of a surrogate pair; write both halves, or the character", p);
	s->p = p + 12;
	return STEP_OK;
}

static enum step scan_escape(struct json_scan *s)
{
	if (s->end - s->p < 2)
		return cut(s);
	switch (s->p[1]) {
	case 'u':
		return scan_unicode(s);
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		s->p += 2;
		return STEP_OK;
	default:
		return json_token_bad(s, s->p, "no such escape; write \\\\ for a backslash");
	}
}

/* A byte of a string that is neither plain nor its end. */
static enum step scan_special(struct json_scan *s)
{
	unsigned char c = (unsigned char)*s->p;
	int n;

	if (c == '\\')
		return scan_escape(s);
	if (c < 0x20)
		return json_token_bad(s, s->p,
			"the control byte 0x%02X in a string must be written \\u%04x", c, c);
	n = json_utf8(s->p, s->end);
	if (n == UTF8_CUT)
		return cut(s);
	if (n == UTF8_BAD)
		return json_token_bad(
			s, s->p, "byte 0x%02X is not valid UTF-8 here; send the text as UTF-8", c);
	s->p += n;
	return STEP_OK;
}

/* From the opening quote to behind the closing one. */
enum step json_token_string(struct json_scan *s, bool *escaped)
{
	s->p++;
	for (;;) {
		enum step step;

		s->p = json_skip_plain(s->p, s->end);
		if (s->p == s->end)
			return STEP_MORE;
		if (*s->p == '"') {
			s->p++;
			return STEP_OK;
		}
		if (*s->p == '\\')
			*escaped = true;
		step = scan_special(s);
		if (step != STEP_OK)
			return step;
	}
}

/* A number or a word ends at `p`: what follows must not look like more of it. */
static inline enum step scan_word_end(struct json_scan *s, const char *p)
{
	s->p = p;
	if (p == s->end)
		return s->more ? STEP_MORE : STEP_OK;
	switch (*p) {
	case ',':
	case ']':
	case '}':
	case ' ':
	case '\n':
	case '\r':
	case '\t':
		return STEP_OK;
	default:
		return json_token_unexpected(s, p, "a comma or the end of the value");
	}
}

enum step json_token_word(struct json_scan *s, const char *word, size_t n)
{
	size_t left = (size_t)(s->end - s->p);

	if (memcmp(s->p, word, left < n ? left : n) != 0)
		return json_token_bad(
			s, s->p, "no such word; true, false, null and \"text\" are values");
	return left < n ? cut(s) : scan_word_end(s, s->p + n);
}

static inline const char *digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static enum step digit_missing(struct json_scan *s, const char *p)
{
	return p == s->end ? cut(s) : json_token_unexpected(s, p, "a digit");
}

enum step json_token_number(struct json_scan *s)
{
	const char *p = s->p + (*s->p == '-'), *q = digits(p, s->end);

	if (q == p)
		return digit_missing(s, p);
	if (*p == '0' && q > p + 1)
		return json_token_bad(
			s, p, "a number must not begin with 0; write it as text to keep the 0");
	if (q < s->end && *q == '.') {
		p = q + 1;
		q = digits(p, s->end);
		if (q == p)
			return digit_missing(s, p);
	}
	if (q < s->end && (*q == 'e' || *q == 'E')) {
		p = q + 1;
		if (p < s->end && (*p == '+' || *p == '-'))
			p++;
		q = digits(p, s->end);
		if (q == p)
			return digit_missing(s, p);
	}
	return scan_word_end(s, q);
}
