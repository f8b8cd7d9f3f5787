/* SPDX-License-Identifier: MIT */
/* cachewarden health. */
#include <stdio.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/refusal.h"
#include "cli/view.h"

static enum cli_color status_color(const char *status)
{
	return strcmp(status, "UP") == 0     ? CLI_GOOD
	       : strcmp(status, "DOWN") == 0 ? CLI_BAD
					     : CLI_WARN;
}

/* The rows of one component: its status with what is wrong, then its warnings. */
static void add_component(
	struct cli *cli, struct cli_grid *grid, struct slice name, struct json_value component)
{
	const char *status = cli_cell_text(cli, component, "status");
	struct slice error = cli_view_text(cli, component, "details/error");
	struct json_iter warnings = cli_view_each(component, "details/warnings");

	cli_grid_add_slice(grid, CLI_PLAIN, name);
	cli_grid_add(grid, status_color(status), status);
	cli_grid_add_slice(grid, CLI_PLAIN, error.p ? error : slice_str(""));
	while (json_next(&warnings)) {
		struct buf text = {0};

		json_scalar(warnings.value, &text);
		cli_grid_add(grid, CLI_PLAIN, "");
		cli_grid_add(grid, CLI_PLAIN, "");
		cli_grid_add_slice(grid, CLI_WARN, buf_slice(&text));
		buf_release(&text);
	}
}

int cli_health(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;
	int exit = cli_client_ask(cli, &(struct cli_request){.path = CLI_ADMIN "/health"}, &answer);

	(void)args;
	if (exit)
		return exit;
	/* DOWN is a 503 with the same body. */
	if (!cli_view_text(cli, answer.json, "status").p || answer.status == 401)
		return cli_refusal_say(cli, &answer);
	const char *status = cli_cell_text(cli, answer.json, "status");

	exit = strcmp(status, "UP") == 0 ? CLI_DONE : CLI_FAILED;
	if (cli->json) {
		cli_client_print(&answer);
		return exit;
	}
	struct cli_grid *grid = cli_grid_new(cli, "COMPONENT|STATUS|*DETAIL");
	struct json_iter parts = cli_view_each(answer.json, "components");

	cli_grid_add(grid, CLI_BOLD, cli_cell_text(cli, answer.json, "name"));
	cli_grid_add(grid, status_color(status), status);
	cli_grid_add(grid, CLI_PLAIN,
		parts.object ? "" : "the reasons need a token with the scope read");
	while (json_next(&parts))
		if (parts.object)
			add_component(cli, grid, parts.name, parts.value);
	cli_grid_print(grid);
	return exit;
}
