/* SPDX-License-Identifier: MIT */
/* The command, option or name that a mistyped word probably means. */
#ifndef CW_CLI_SUGGEST_H
#define CW_CLI_SUGGEST_H

#include "cli/command_table.h"

/* The nearest of the names that it was shown. */
struct cli_suggestion {
	struct slice word, best; /* best is empty while none is near */
	size_t edits;
};

struct cli_suggestion cli_suggest_begin(struct slice word);
/* The name must live as long as the suggestion. */
void cli_suggest_consider(struct cli_suggestion *suggestion, struct slice name);

/*
 * The first word of a command, the second one of those that begin with `first`, or the name of an
 * option, that differs least from `word`: by two letters at most, or by what is behind its
 * beginning. NULL if none is near. What is returned is in the arena.
 */
const char *cli_suggest_command(struct cli *cli, struct slice first, struct slice word);
/* Of the command's own options and those of all; `command` NULL = of any command. */
const char *cli_suggest_option(const struct cli_command *command, struct slice word);

#endif
