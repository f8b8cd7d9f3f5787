/* SPDX-License-Identifier: MIT */
/* Globs against the plain matcher of the tests, and what is said of a pattern without matching. */
#include "text/glob.h"

#include "../unit/base/glob_reference.h"
#include "fuzz.h"

/* The plain matcher tries every length of every `*`. */
enum { max_text = 40, max_stars = 6 };

static size_t stars(struct slice pattern)
{
	size_t count = 0;

	for (size_t i = 0; i < pattern.n; i++)
		count += pattern.p[i] == '*';
	return count;
}

static void check_about(struct slice pattern, struct slice text, bool matches)
{
	struct buf prefix = {0}, literal = {0}, escaped = {0};

	glob_prefix(pattern, &prefix);
	if (glob_literal(pattern, &literal))
		FUZZ_CHECK(matches == slice_equal(text, buf_slice(&literal)));
	if (matches)
		FUZZ_CHECK(slice_starts(text, buf_slice(&prefix)));
	glob_catch_all(pattern);
	glob_escape(text, &escaped);
	FUZZ_CHECK(glob_match(buf_slice(&escaped), text));
	buf_release(&prefix);
	buf_release(&literal);
	buf_release(&escaped);
}

void fuzz_one(struct slice input)
{
	struct slice pattern = fuzz_until(&input, '\n'), text = input;
	bool matches = glob_match(pattern, text);

	if (text.n <= max_text && pattern.n <= max_text && stars(pattern) <= max_stars)
		FUZZ_CHECK(matches == glob_reference(pattern, text));
	if (glob_check(pattern, NULL) == OK)
		check_about(pattern, text, matches);
}
