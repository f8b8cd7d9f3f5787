/* SPDX-License-Identifier: MIT */
/* cachewarden sessions. */
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/say.h"
#include "cli/view.h"

static const char *path_of(struct cli *cli, const struct cli_args *args)
{
	const char *path = cli_client_path(cli, "/api/v1/users", args->words[0], "/sessions");

	return args->word_count > 1 ? cli_client_path(cli, path, args->words[1], "") : path;
}

static void show(struct cli *cli, struct json_value answer)
{
	struct cli_grid *grid = cli_grid_new(cli, "SESSION|CREATED|LAST SEEN|EXPIRES");
	struct json_iter sessions = cli_view_each(answer, "sessions");

	while (json_next(&sessions)) {
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, sessions.value, "ref"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, sessions.value, "created"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, sessions.value, "last_seen"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, sessions.value, "expires"));
	}
	cli_grid_print(grid);
	if (!cli_grid_rows(grid))
		cli_say_done(0, "This user has no session.");
}

int cli_sessions(struct cli *cli, const struct cli_args *args)
{
	bool ends = cli_args_flag(args, "end");
	struct cli_answer answer;

	if (!args->words[0].n || (args->word_count > 1 && !args->words[1].n))
		return cli_say(CLI_USAGE, "user and session must not be empty");
	if (args->word_count > 1 && !ends)
		return cli_say(CLI_USAGE, "a session is named only to end it: --end");
	int exit = cli_client_json(cli,
		&(struct cli_request){
			.method = ends ? "DELETE" : "GET", .path = path_of(cli, args)},
		&answer);

	if (exit || cli->json)
		return exit;
	if (ends)
		return cli_say_done(CLI_DONE, "%s.",
			cli_cell_things(cli, cli_view_number(answer.json, "ended", 0),
				"session ended|sessions ended"));
	show(cli, answer.json);
	return CLI_DONE;
}
