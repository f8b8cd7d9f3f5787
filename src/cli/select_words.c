/* SPDX-License-Identifier: MIT */
/* The selectors of an invalidation; see select_words.h. */
#include "cli/select_words.h"

#include <string.h>

#include "cli/quote.h"
#include "cli/say.h"

/* Appends the comma before all members but the first. */
static void next_member(struct buf *out, size_t begin, const char *name)
{
	buf_printf(out, "%s\"%s\":", out->n > begin ? "," : "", name);
}

static bool add_patterns(const struct cli_args *args, size_t begin, struct buf *out)
{
	bool ok = true;

	if (!args->word_count)
		return true;
	next_member(out, begin, "patterns");
	for (size_t i = 0; i < args->word_count && ok; i++) {
		buf_char(out, i ? ',' : '[');
		ok = cli_quote(out, "pattern", args->words[i]);
	}
	buf_char(out, ']');
	return ok;
}

static bool add_list(const struct cli_args *args, const char *option, const char *member,
	size_t begin, struct buf *out)
{
	size_t at = 0, count = 0;
	const char *text;
	bool ok = true;

	while (ok && (text = cli_args_next(args, option, &at)) != NULL) {
		if (!count++)
			next_member(out, begin, member);
		buf_char(out, count > 1 ? ',' : '[');
		ok = cli_quote(out, option, slice_str(text));
	}
	if (count)
		buf_char(out, ']');
	return ok;
}

/* Whether an earlier --entity has the same name. */
static bool named_before(const struct cli_args *args, size_t before, struct slice name)
{
	for (size_t at = 0; at < before;) {
		const char *text = cli_args_next(args, "entity", &at);

		if (at <= before && text && slice_starts(slice_str(text), name) &&
			text[name.n] == '=')
			return true;
	}
	return false;
}

/* The ids of all --entity with this name. */
static bool add_ids(const struct cli_args *args, struct slice name, struct buf *out)
{
	size_t at = 0, count = 0;
	const char *text;
	bool ok = true;

	while (ok && (text = cli_args_next(args, "entity", &at)) != NULL) {
		if (!slice_starts(slice_str(text), name) || text[name.n] != '=')
			continue;
		buf_char(out, count++ ? ',' : '[');
		ok = cli_quote(out, "entity", slice_str(text + name.n + 1));
	}
	buf_char(out, ']');
	return ok;
}

static bool add_entities(const struct cli_args *args, size_t begin, struct buf *out)
{
	size_t count = 0, at = 0;
	const char *text;

	for (size_t before = 0; (text = cli_args_next(args, "entity", &at)) != NULL; before = at) {
		size_t n = strcspn(text, "=");

		if (!n || !text[n] || !text[n + 1]) {
			cli_say(CLI_USAGE, "--entity takes NAME=ID, such as user=42, not %s", text);
			return false;
		}
		if (named_before(args, before, slice_of(text, n)))
			continue;
		if (!count++)
			next_member(out, begin, "entities");
		buf_char(out, count > 1 ? ',' : '{');
		if (!cli_quote(out, "entity", slice_of(text, n)))
			return false;
		buf_char(out, ':');
		if (!add_ids(args, slice_of(text, n), out))
			return false;
	}
	if (count)
		buf_char(out, '}');
	return true;
}

bool cli_select_words(const struct cli_args *args, struct buf *out)
{
	size_t begin = out->n;

	if (!add_patterns(args, begin, out) || !add_list(args, "key", "keys", begin, out) ||
		!add_list(args, "tag", "tags", begin, out) ||
		!add_list(args, "dependents-of", "dependents_of", begin, out) ||
		!add_entities(args, begin, out))
		return false;
	if (out->n == begin) {
		cli_say(CLI_USAGE, "nothing is selected: give a pattern, --key, --tag, --entity or "
				   "--dependents-of");
		return false;
	}
	return true;
}
