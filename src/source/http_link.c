/* SPDX-License-Identifier: MIT */
/*
 * Links of a header; see http_link.h.
 *
 *	Link: <https://api/items?page=2>; rel="next", <https://api/items?page=9>; rel="last"
 */
#include "source/http_link.h"

#include <string.h>

static struct slice skip_space(struct slice text)
{
	while (text.n && (text.p[0] == ' ' || text.p[0] == '\t'))
		text = slice_skip(text, 1);
	return text;
}

/* Takes a quoted text or a word. */
static struct slice take_value(struct slice *text)
{
	struct slice value;
	size_t n = 0;

	if (text->n && text->p[0] == '"') {
		*text = slice_skip(*text, 1);
		while (n < text->n && text->p[n] != '"')
			n += text->p[n] == '\\' && n + 1 < text->n ? 2 : 1;
		value = slice_of(text->p, n);
		*text = slice_skip(*text, n < text->n ? n + 1 : n);
		return value;
	}
	while (n < text->n && !strchr(" \t;,=", text->p[n]))
		n++;
	value = slice_of(text->p, n);
	*text = slice_skip(*text, n);
	return value;
}

static bool is_word(struct slice text, const char *word)
{
	return text.n == strlen(word) && strncasecmp(text.p, word, text.n) == 0;
}

/* A list of relations, with blanks between them. */
static bool has_next(struct slice relations)
{
	while (relations.n) {
		const char *blank = memchr(relations.p, ' ', relations.n);
		size_t n = blank ? (size_t)(blank - relations.p) : relations.n;

		if (is_word(slice_of(relations.p, n), "next"))
			return true;
		relations = slice_skip(relations, n < relations.n ? n + 1 : n);
	}
	return false;
}

/* The parameters of one link; whether its relation, the first one given, is the next page. */
static bool take_parameters(struct slice *text)
{
	bool next = false, seen = false;

	for (*text = skip_space(*text); text->n && text->p[0] == ';'; *text = skip_space(*text)) {
		*text = skip_space(slice_skip(*text, 1));
		struct slice name = take_value(text), value = slice_of("", 0);

		*text = skip_space(*text);
		if (text->n && text->p[0] == '=') {
			*text = skip_space(slice_skip(*text, 1));
			value = take_value(text);
		}
		if (is_word(name, "rel") && !seen) {
			seen = true;
			next = has_next(value);
		}
	}
	return next;
}

bool http_link_next(struct slice text, struct slice *ret)
{
	for (;;) {
		while (text.n && strchr(" \t,", text.p[0]) && text.p[0])
			text = slice_skip(text, 1);
		const char *end = text.n ? memchr(text.p, '>', text.n) : NULL;

		if (!end || text.p[0] != '<')
			return false;
		*ret = slice_of(text.p + 1, (size_t)(end - text.p) - 1);
		text = slice_skip(text, (size_t)(end - text.p) + 1);
		if (take_parameters(&text))
			return true;
	}
}
