/* SPDX-License-Identifier: MIT */
/* The nearest of some names; see suggest.h. */
#include "cli/suggest.h"

#include <string.h>

#include "text/edits.h"

enum { max_edits = 2 };

struct cli_suggestion cli_suggest_begin(struct slice word)
{
	return (struct cli_suggestion){.word = word, .edits = EDITS_MAX};
}

void cli_suggest_consider(struct cli_suggestion *suggestion, struct slice name)
{
	struct slice word = suggestion->word;
	size_t edits = word.n > 1 && slice_starts(name, word) ? 1 : edits_between(word, name);

	/* Of a short word, two edits leave nothing. */
	if (edits > max_edits || edits >= word.n || edits >= suggestion->edits)
		return;
	suggestion->best = name;
	suggestion->edits = edits;
}

const char *cli_suggest_command(struct cli *cli, struct slice first, struct slice word)
{
	struct cli_suggestion suggestion = cli_suggest_begin(word);

	for (const struct cli_command *c = cli_commands; c->name; c++) {
		const char *blank = strchr(c->name, ' ');
		size_t n = blank ? (size_t)(blank - c->name) : strlen(c->name);

		if (c->hidden)
			continue;
		if (!first.n)
			cli_suggest_consider(&suggestion, slice_of(c->name, n));
		else if (blank && slice_equal(first, slice_of(c->name, n)))
			cli_suggest_consider(&suggestion, slice_str(blank + 1));
	}
	return suggestion.best.n ? arena_dup(&cli->arena, suggestion.best) : NULL;
}

const char *cli_suggest_option(const struct cli_command *command, struct slice word)
{
	struct cli_suggestion suggestion = cli_suggest_begin(word);

	for (const struct cli_option *o = cli_common_options; o->name; o++)
		cli_suggest_consider(&suggestion, slice_str(o->name));
	for (const struct cli_command *c = cli_commands; c->name; c++)
		for (const struct cli_option *o = c->options; o && o->name; o++)
			if (!command || c == command)
				cli_suggest_consider(&suggestion, slice_str(o->name));
	/* It is all of an option's name, which ends with a NUL. */
	return suggestion.best.n ? suggestion.best.p : NULL;
}
