/* SPDX-License-Identifier: MIT */
/*
 * cachewarden, the command line.
 *
 *	words -> cli/args_parse (against the table of commands) -> address, token, terminal
 *	-> the command
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include <curl/curl.h>

#include "cli/address_read.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/say.h"
#include "cli/screen.h"
#include "text/json.h"

/* `args` lives as long as *cli. */
static int run(struct cli *cli, struct cli_args *args, int argc, char **argv)
{
	if (!cli_args_parse(cli, argc, argv, args))
		return CLI_USAGE;
	cli->args = args;
	cli_screen_read(cli, args);
	if (cli_args_flag(args, "version")) {
		puts("cachewarden " CW_VERSION);
		return CLI_DONE;
	}
	if (cli_args_flag(args, "help") || !args->command) {
		int exit = cli_help(cli, args);

		return args->command || cli_args_flag(args, "help") ? exit : CLI_USAGE;
	}
	if (!args->command->offline) {
		int exit = cli_address_read(cli, args);

		if (exit)
			return exit;
	}
	return args->command->run(cli, args);
}

int main(int argc, char **argv)
{
	struct cli cli = {0};
	struct cli_args args;

	/* A connection that breaks is an error of the request; cli_say_flush() sees a closed pipe. */
	signal(SIGPIPE, SIG_IGN);
	/* Names are UTF-8 whatever the locale is; figures have a decimal point. */
	setlocale(LC_CTYPE, "C.UTF-8");
	json_use_mem();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int exit = cli_say_flush(run(&cli, &args, argc, argv));

	cli_client_end(&cli);
	curl_global_cleanup();
	arena_release(&cli.arena);
	return exit;
}
