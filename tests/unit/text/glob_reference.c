/* SPDX-License-Identifier: MIT */
/*
 * The rules one by one, written to be plain. One item of a pattern is a set of bytes; `*` tries
 * every length.
 */
#include "glob_reference.h"

#include <limits.h>
#include <string.h>

struct item {
	size_t n;      /* bytes of the pattern */
	bool has[256]; /* by unsigned byte */
};

static void read_class(struct slice s, struct item *item)
{
	bool negated = s.n > 1 && s.p[1] == '^';
	size_t i = negated ? 2 : 1;

	for (;;) {
		if (i == s.n) /* unfinished: the pattern's end ends it */
			break;
		if (s.p[i] == '\\' && i + 1 < s.n) {
			item->has[(unsigned char)s.p[i + 1]] = true;
			i += 2;
		} else if (s.p[i] == ']') {
			i++;
			break;
		} else if (i + 2 < s.n && s.p[i + 1] == '-') {
			for (int c = CHAR_MIN; c <= CHAR_MAX; c++)
				if ((c >= s.p[i] && c <= s.p[i + 2]) ||
					(c <= s.p[i] && c >= s.p[i + 2]))
					item->has[(unsigned char)c] = true;
			i += 3;
		} else {
			item->has[(unsigned char)s.p[i++]] = true;
		}
	}
	for (int c = 0; negated && c < 256; c++)
		item->has[c] = !item->has[c];
	item->n = i;
}

static struct item read_item(struct slice s)
{
	struct item item = {0};

	if (s.p[0] == '[') {
		read_class(s, &item);
		return item;
	}
	item.n = s.p[0] == '\\' && s.n > 1 ? 2 : 1;
	memset(item.has, s.p[0] == '?', sizeof item.has);
	if (s.p[0] != '?')
		item.has[(unsigned char)s.p[item.n - 1]] = true;
	return item;
}

static struct slice from(struct slice s, size_t n)
{
	return slice_of(s.p + n, s.n - n);
}

static bool plain_match(struct slice pattern, struct slice text)
{
	struct item item;

	if (pattern.n == 0)
		return text.n == 0;
	if (pattern.p[0] == '*') {
		for (size_t n = 0; n <= text.n; n++)
			if (plain_match(from(pattern, 1), from(text, n)))
				return true;
		return false;
	}
	if (text.n == 0)
		return false;
	item = read_item(pattern);
	return item.has[(unsigned char)text.p[0]] &&
	       plain_match(from(pattern, item.n), from(text, 1));
}

bool glob_reference(struct slice pattern, struct slice text)
{
	return text.n || !pattern.n ? plain_match(pattern, text) : false;
}
