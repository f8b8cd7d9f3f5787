/* SPDX-License-Identifier: MIT */
/* cachewarden loaders. */
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/say.h"
#include "cli/view.h"

static void add(struct cli *cli, struct cli_grid *grid, struct json_value loader)
{
	bool closed = cli_view_is(loader, "breaker", "closed");
	const char *params = cli_view_join(cli, loader, "params");

	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, loader, "name"));
	cli_grid_add(grid, CLI_PLAIN, params ? params : "-");
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, loader, "source"));
	cli_grid_add(grid, closed ? CLI_GOOD : CLI_BAD, cli_cell_text(cli, loader, "breaker"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_count_at(cli, loader, "loads"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_count_at(cli, loader, "errors"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_real_at(cli, loader, "average_load_ms"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, loader, "last_error/detail"));
}

int cli_loaders(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;
	int exit = cli_client_get(cli, CLI_ADMIN "/loaders", &answer);

	(void)args;
	if (exit || cli->json)
		return exit;
	struct cli_grid *grid =
		cli_grid_new(cli, "LOADER|*PARAMS|?SOURCE|BREAKER|>LOADS|>ERRORS|?>MS|*LAST ERROR");
	struct json_iter loaders = cli_view_each(answer.json, "loaders");

	while (json_next(&loaders))
		add(cli, grid, loaders.value);
	cli_grid_print(grid);
	if (!cli_grid_rows(grid))
		cli_say_done(0, "The configuration has no loaders.");
	return CLI_DONE;
}
