/* SPDX-License-Identifier: MIT */
/* Literal stretches of a glob pattern; see pattern.h. */
#include "cache/pattern.h"

#include <string.h>

#include "text/glob.h"

/* The bytes of the class that begins with the `[` at `i`; Redis ends an unfinished one at the end.
 */
static size_t class_bytes(struct slice glob, size_t i)
{
	size_t at = i + 1;

	if (at < glob.n && glob.p[at] == '^')
		at++;
	while (at < glob.n) {
		if (glob.p[at] == '\\' && glob.n - at >= 2)
			at += 2;
		else if (glob.p[at] == ']')
			return at + 1 - i;
		else if (glob.n - at >= 3 && glob.p[at + 1] == '-')
			at += 3;
		else
			at++;
	}
	return glob.n - i;
}

/* How many bytes the special item at `i` has; 0 where the byte stands for itself. */
static size_t special_bytes(struct slice glob, size_t i)
{
	switch (glob.p[i]) {
	case '*':
	case '?':
		return 1;
	case '\\':
		return glob.n - i >= 2 ? 2 : 1;
	case '[':
		return class_bytes(glob, i);
	default:
		return 0;
	}
}

/* The stretch [from, to) of literal bytes. */
static void note_stretch(struct pattern *pattern, size_t from, size_t to)
{
	struct slice stretch = {pattern->glob.p + from, to - from};

	if (from == 0)
		pattern->head = stretch;
	if (to == pattern->glob.n)
		pattern->tail = stretch;
	if (from > 0 && to < pattern->glob.n && stretch.n > pattern->middle.n)
		pattern->middle = stretch;
	pattern->least += stretch.n;
}

void pattern_init(struct pattern *pattern, struct slice glob)
{
	size_t from = 0, at = 0, stars = 0, others = 0;

	*pattern = (struct pattern){.glob = glob};
	while (at < glob.n) {
		size_t special = special_bytes(glob, at);

		if (!special) {
			at++;
			continue;
		}
		note_stretch(pattern, from, at);
		if (glob.p[at] == '*') {
			stars++;
		} else {
			others++;
			pattern->least++;
		}
		at += special;
		from = at;
	}
	note_stretch(pattern, from, at);
	pattern->decided = !others && (stars <= 1 || (stars == 2 && pattern->middle.n &&
							     !pattern->head.n && !pattern->tail.n));
	if (stars == 0 && others == 0)
		pattern->decided = false;
}

bool pattern_match(const struct pattern *pattern, struct slice text)
{
	const struct slice head = pattern->head, tail = pattern->tail, middle = pattern->middle;

	if (text.n < pattern->least)
		return false;
	if (head.n && (text.p[0] != head.p[0] || memcmp(text.p, head.p, head.n) != 0))
		return false;
	if (tail.n && memcmp(text.p + text.n - tail.n, tail.p, tail.n) != 0)
		return false;
	if (middle.n && !memmem(text.p, text.n, middle.p, middle.n))
		return false;
	/* For Redis, no star matches an empty key. */
	return (pattern->decided && text.n) || glob_match(pattern->glob, text);
}
