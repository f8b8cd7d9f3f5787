/* SPDX-License-Identifier: MIT */
/*
 * Finding $1 and the like in SQL; see query.h.
 *
 * Special: PostgreSQL decides what the query means; here only what hides a dollar is skipped:
 * 'text', E'text', "name", $tag$text$tag$, -- and nested comments.
 */
#include "conf/query.h"

#include <string.h>

enum { max_param = 65535 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A letter that a name or a dollar tag may hold. */
static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static struct slice skip(struct slice text, size_t n)
{
	return slice_skip(text, n < text.n ? n : text.n);
}

/* Behind the quote that ends what begins with one; `escapes`: a backslash hides a quote. */
static struct slice skip_quoted(struct slice text, bool escapes)
{
	char quote = text.p[0];

	for (text = skip(text, 1); text.n && text.p[0] != quote; text = skip(text, 1))
		if (escapes && text.p[0] == '\\')
			text = skip(text, 1);
	return skip(text, 1);
}

static struct slice skip_comment(struct slice text)
{
	unsigned depth = 0;

	do {
		if (slice_starts(text, SLICE("/*")))
			depth++;
		else if (slice_starts(text, SLICE("*/")))
			depth--;
		else {
			text = skip(text, 1);
			continue;
		}
		text = skip(text, 2);
	} while (text.n && depth);
	return text;
}

static struct slice skip_line(struct slice text)
{
	const char *end = memchr(text.p, '\n', text.n);

	return end ? skip(text, (size_t)(end - text.p)) : skip(text, text.n);
}

/* $tag$text$tag$; only the dollar where it is none. */
static struct slice skip_dollar(struct slice text)
{
	size_t n = 1;

	while (n < text.n && (is_letter(text.p[n]) || (n > 1 && is_digit(text.p[n]))))
		n++;
	if (n == text.n || text.p[n] != '$')
		return skip(text, 1);
	struct slice tag = slice_of(text.p, n + 1);

	for (text = skip(text, tag.n); text.n && !slice_starts(text, tag);)
		text = skip(text, 1);
	return skip(text, tag.n);
}

static struct slice skip_word(struct slice text)
{
	size_t n = 1;

	while (n < text.n && (is_letter(text.p[n]) || is_digit(text.p[n]) || text.p[n] == '$'))
		n++;
	return skip(text, n);
}

/* The number that `text` begins with; beyond the limit it is the limit. */
static unsigned number_of(struct slice *text)
{
	unsigned number = 0;

	for (; text->n && is_digit(text->p[0]); *text = skip(*text, 1))
		if (number < max_param)
			number = number * 10 + (unsigned)(text->p[0] - '0');
	return number < max_param ? number : max_param;
}

/* Steps over the first thing in the text; the N of a parameter $N, else 0. */
static unsigned step(struct slice *text)
{
	char c = text->p[0], next = text->n > 1 ? text->p[1] : '\0';

	if (c == '$' && is_digit(next)) {
		*text = skip(*text, 1);
		return number_of(text);
	}
	if (c == '\'' || c == '"')
		*text = skip_quoted(*text, false);
	else if ((c == 'E' || c == 'e') && next == '\'')
		*text = skip_quoted(skip(*text, 1), true);
	else if (is_letter(c))
		*text = skip_word(*text);
	else if (c == '$')
		*text = skip_dollar(*text);
	else if (c == '-' && next == '-')
		*text = skip_line(*text);
	else if (c == '/' && next == '*')
		*text = skip_comment(*text);
	else
		*text = skip(*text, 1);
	return 0;
}

unsigned query_params(struct slice query)
{
	unsigned most = 0;

	while (query.n) {
		unsigned n = step(&query);

		most = n > most ? n : most;
	}
	return most;
}

bool query_has_param(struct slice query, unsigned n)
{
	while (query.n)
		if (step(&query) == n)
			return true;
	return false;
}
