/* SPDX-License-Identifier: MIT */
/*
 * The words of a command line, split into a command, its arguments and its options.
 *
 * Options may stand before or after the command: `--name value` or `--name=value`. `--` ends them;
 * `-` alone and negative numbers are arguments.
 */
#ifndef CW_CLI_ARGS_PARSE_H
#define CW_CLI_ARGS_PARSE_H

#include "cli/cli.h"

struct cli_command;

enum cli_option_kind {
	CLI_FLAG, /* without a value */
	CLI_ONCE, /* with a value */
	CLI_MANY, /* with a value, any number of times */
};

struct cli_option {
	const char *name; /* without the dashes */
	char letter;	  /* its short form, or 0 */
	enum cli_option_kind kind;
	const char
		*value; /* what the help calls it: "KEY"; "LIST" = several, with commas between */
	const char *help;
	const char *completes; /* as in struct cli_command */
};

struct cli_given {
	const struct cli_option *option;
	const char *value; /* NULL of a flag */
};

struct cli_args {
	const struct cli_command *command;
	const struct slice *words; /* the arguments; behind each a NUL */
	size_t word_count;
	const struct cli_given *given;
	size_t given_count;
};

/*
 * Fills *ret; false after saying on standard error what is wrong. Without a command `ret->command`
 * is NULL, and only options of all commands have been given.
 */
bool cli_args_parse(struct cli *cli, int argc, char **argv, struct cli_args *ret);

bool cli_args_flag(const struct cli_args *args, const char *name);
/* The value of an option, or NULL. */
const char *cli_args_text(const struct cli_args *args, const char *name);
/* The next value of a CLI_MANY option; *at begins with 0. NULL at the end. */
const char *cli_args_next(const struct cli_args *args, const char *name, size_t *at);
/*
 * An option's value as a whole number within the bounds; false after saying what is wrong. *ret
 * stays as it is without the option. Durations and moments: cli/duration.h, cli/moment.h.
 */
bool cli_args_int(
	const struct cli_args *args, const char *name, int64_t min, int64_t max, int64_t *ret);

#endif
