/* SPDX-License-Identifier: MIT */
/*
 * THE table of commands: what the command line takes, and what help, completion and the manual say.
 */
#ifndef CW_CLI_COMMAND_TABLE_H
#define CW_CLI_COMMAND_TABLE_H

#include "cli/args_parse.h"

/* Runs a command whose arguments have been checked against its row; returns an enum cli_exit. */
typedef int cli_run(struct cli *cli, const struct cli_args *args);

struct cli_command {
	const char *name;      /* one word, or two: "keys get" */
	const char *arguments; /* "KEY [VALUE]"; "" = none */
	const char *help;      /* one sentence */
	cli_run *run;
	size_t least, most;		  /* arguments; most 0 = none */
	const struct cli_option *options; /* its own; ends with a cleared one. NULL = none */
	bool offline;			  /* needs no daemon */
	bool hidden;
	/* What an argument is: ":jobs" = a name that completion knows, "a b" = one of these words.
	 */
	const char *completes; /* NULL = anything */
	const char *more;      /* further paragraphs of the manual, or NULL */
	const char *
		examples; /* command lines, one below the other; one of `# ...` is about the next */
};

enum { CLI_ANY_NUMBER = 1000000 };

extern const struct cli_command cli_commands[];	     /* ends with a cleared one */
extern const struct cli_option cli_common_options[]; /* of all commands */

/* The row whose name the words begin with; *ret_words = how many words that takes. Or NULL. */
const struct cli_command *cli_command_find(
	const struct slice *words, size_t count, size_t *ret_words);
/* Whether it is the first word of commands with two, as "keys" is. */
bool cli_command_begins(struct slice word);
/* An option of the command or of all; NULL if there is none. `command` NULL: of any command. */
const struct cli_option *cli_command_option(const struct cli_command *command, struct slice name);

cli_run cli_alerts, cli_audit, cli_completion, cli_events, cli_config_check, cli_complete, cli_deps,
	cli_doctor;
cli_run cli_explain, cli_health, cli_help, cli_invalidate, cli_invalidate_expire, cli_jobs;
cli_run cli_keys_get, cli_keys_set, cli_keys_ttl, cli_keys_expire, cli_keys_del, cli_keys_list;
cli_run cli_loaders, cli_namespaces, cli_ops, cli_ops_cancel, cli_pause, cli_reload, cli_pause_end,
	cli_sessions;
cli_run cli_inspect_clients, cli_inspect_latency, cli_inspect_slowlog;
cli_run cli_stats, cli_tags, cli_token_new, cli_top, cli_warm;

#endif
