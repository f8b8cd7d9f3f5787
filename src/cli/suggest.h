/* SPDX-License-Identifier: MIT */
/* The command or option that a mistyped word probably means. */
#ifndef CW_CLI_SUGGEST_H
#define CW_CLI_SUGGEST_H

#include "cli/command_table.h"

/*
 * The first word of a command, the second one of those that begin with `first`, or the name of an
 * option, that differs least from `word`: by two letters at most, or by what is behind its
 * beginning. NULL if none is near. What is returned is in the arena.
 */
const char *cli_suggest_command(struct cli *cli, struct slice first, struct slice word);
const char *cli_suggest_option(struct slice word);

#endif
