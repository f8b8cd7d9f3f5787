/* SPDX-License-Identifier: MIT */
/*
 * Redis's glob patterns; see glob.h.
 *
 *	user : * : pro?ile : *		a pattern is segments between stars, a segment is items
 *	^^^^^^   ^^^^^^^^^^^ ^		head: anchored; middle: leftmost place; tail: at the end
 *
 * The leftmost place of a middle segment leaves the most text to the rest, so that no star is tried
 * twice. Redis reads one NUL behind its pattern, which makes no difference for any rule here.
 */
#include "text/glob.h"

#include <string.h>

/*
 * Whether the class that begins behind the `[` at *p has `c`; steps behind it. An unfinished class
 * ends with the pattern. Bytes compare as plain char, as in Redis, where a range meets those > 7F.
 */
static bool class_has(const char **p, const char *end, char c)
{
	const char *at = *p;
	bool negated = at < end && *at == '^', found = false;

	if (negated)
		at++;
	while (at < end && (*at != ']')) {
		if (*at == '\\' && end - at >= 2) {
			found |= at[1] == c;
			at += 2;
		} else if (end - at >= 3 && at[1] == '-') {
			char low = at[0] < at[2] ? at[0] : at[2];
			char high = at[0] < at[2] ? at[2] : at[0];

			found |= c >= low && c <= high;
			at += 3;
		} else {
			found |= *at == c;
			at++;
		}
	}
	*p = at < end ? at + 1 : end;
	return found != negated;
}

/* Whether the item at *p, which is not a star, matches `c`; steps behind it. */
static inline bool item_has(const char **p, const char *end, char c)
{
	switch (**p) {
	case '?':
		++*p;
		return true;
	case '[':
		++*p;
		return class_has(p, end, c);
	case '\\':
		if (end - *p >= 2)
			++*p;
		break;
	default:
		break;
	}
	return *(*p)++ == c;
}

/* A run of items without a star. */
struct glob_segment {
	const char *p, *end;
	size_t width; /* items, each of which takes one byte */
	bool plain;   /* the pattern's bytes are the text's */
};

/* The segment that begins at `p`. */
static struct glob_segment segment_at(const char *p, const char *end)
{
	struct glob_segment segment = {.p = p, .plain = true};

	while (p < end && *p != '*') {
		segment.plain &= *p != '?' && *p != '[' && *p != '\\';
		item_has(&p, end, 0);
		segment.width++;
	}
	segment.end = p;
	return segment;
}

/* Whether the segment matches at `text`, which has its width. */
static bool segment_fits(const struct glob_segment *segment, const char *text)
{
	const char *p = segment->p;

	if (segment->plain)
		return memcmp(p, text, segment->width) == 0;
	while (p < segment->end)
		if (!item_has(&p, segment->end, *text++))
			return false;
	return true;
}

enum { LONG_TEXT = 4096 };

/*
 * Where the segment (of at most GLOB_MAX_BYTES items) ends first in a long text: one bit per item,
 * all started matches advance together, so that each byte costs the same whatever the pattern.
 */
static const char *find_by_bits(
	const struct glob_segment *segment, const char *text, const char *end)
{
	uint64_t has[256][GLOB_MAX_BYTES / 64], on[GLOB_MAX_BYTES / 64] = {0};
	size_t words = (segment->width + 63) / 64, last = segment->width - 1;

	for (int c = 0; c < 256; c++) {
		const char *p = segment->p;

		memset(has[c], 0, words * sizeof has[c][0]);
		for (size_t i = 0; i < segment->width; i++)
			if (item_has(&p, segment->end, (char)c))
				has[c][i / 64] |= UINT64_C(1) << i % 64;
	}
	for (; text < end; text++) {
		uint64_t carry = 1;

		for (size_t i = 0; i < words; i++) {
			uint64_t next = on[i] >> 63;

			on[i] = (on[i] << 1 | carry) & has[(unsigned char)*text][i];
			carry = next;
		}
		if (on[last / 64] >> last % 64 & 1)
			return text + 1;
	}
	return NULL;
}

/* Where the leftmost match of the segment in the text ends; NULL for none. */
static const char *find(const struct glob_segment *segment, const char *text, const char *end)
{
	size_t n = (size_t)(end - text), width = segment->width;

	if (width > n)
		return NULL;
	if (segment->plain) {
		const char *found = memmem(text, n, segment->p, width);

		return found ? found + width : NULL;
	}
	if (n >= LONG_TEXT && width <= GLOB_MAX_BYTES)
		return find_by_bits(segment, text, end);
	for (; (size_t)(end - text) >= width; text++)
		if (segment_fits(segment, text))
			return text + width;
	return NULL;
}

bool glob_match(struct slice pattern, struct slice text)
{
	const char *p = pattern.p, *p_end = slice_end(pattern);
	const char *t = text.p, *t_end = slice_end(text);

	if (text.n == 0 || pattern.n == 0)
		return text.n == pattern.n;
	while (p < p_end && *p != '*') {
		if (t == t_end || !item_has(&p, p_end, *t))
			return false;
		t++;
	}
	if (p == p_end)
		return t == t_end;
	for (;;) {
		struct glob_segment segment;

		while (p < p_end && *p == '*')
			p++;
		if (p == p_end)
			return true;
		segment = segment_at(p, p_end);
		p = segment.end;
		if (p == p_end)
			return segment.width <= (size_t)(t_end - t) &&
			       segment_fits(&segment, t_end - segment.width);
		t = find(&segment, t, t_end);
		if (!t)
			return false;
	}
}

enum error glob_check(struct slice pattern, struct fault *fault)
{
	const char *p = pattern.p, *end = slice_end(pattern);
	unsigned stars = 0;

	if (pattern.n == 0)
		return fault_set(fault, ERR_BAD_PATTERN,
			"the pattern is empty; \"user:*\" for example takes all keys below user:");
	if (pattern.n > GLOB_MAX_BYTES)
		return fault_set(fault, ERR_BAD_PATTERN,
			"the pattern has %zu bytes; at most %d are accepted", pattern.n,
			GLOB_MAX_BYTES);
	while (p < end) {
		if (*p != '*') {
			item_has(&p, end, 0);
			continue;
		}
		stars++;
		while (p < end && *p == '*')
			p++;
	}
	if (stars > GLOB_MAX_STARS)
		return fault_set(fault, ERR_BAD_PATTERN,
			"the pattern has %u stars; at most %d are accepted, "
			"split it into several patterns",
			stars, GLOB_MAX_STARS);
	return OK;
}

/* Appends the literal bytes from the front; where the first special item stands, or the end. */
static size_t literal_front(struct slice pattern, struct buf *out)
{
	size_t i = 0;

	while (i < pattern.n && pattern.p[i] != '*' && pattern.p[i] != '?' && pattern.p[i] != '[') {
		if (pattern.p[i] == '\\' && i + 1 < pattern.n)
			i++;
		buf_char(out, pattern.p[i++]);
	}
	return i;
}

bool glob_literal(struct slice pattern, struct buf *ret)
{
	buf_clear(ret);
	if (literal_front(pattern, ret) == pattern.n)
		return true;
	buf_clear(ret);
	return false;
}

void glob_prefix(struct slice pattern, struct buf *ret)
{
	literal_front(pattern, ret);
}

bool glob_catch_all(struct slice pattern)
{
	const char *p = pattern.p, *end = slice_end(pattern);
	bool star = false;

	while (p < end) {
		const char *item = p;
		unsigned bytes = 0;

		if (*p == '*') {
			star = true;
			p++;
			continue;
		}
		for (int c = 0; c < 256; c++) {
			p = item;
			bytes += item_has(&p, end, (char)c);
		}
		if (bytes < 2)
			return false;
	}
	return star;
}

void glob_escape(struct slice text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] && strchr("*?[]^-\\", text.p[i]))
			buf_char(out, '\\');
		buf_char(out, text.p[i]);
	}
}
