/* SPDX-License-Identifier: MIT */
/* cachewarden alerts. */
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/view.h"

static enum cli_color state_color(struct json_value alert)
{
	if (cli_view_is(alert, "state", "firing"))
		return CLI_BAD;
	return cli_view_is(alert, "state", "pending") ? CLI_WARN : CLI_PLAIN;
}

int cli_alerts(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;
	int exit = cli_client_get(cli, CLI_ADMIN "/alerts", &answer);

	(void)args;
	if (exit || cli->json)
		return exit;
	struct cli_grid *grid = cli_grid_new(
		cli, "*ALERT|STATE|?2SEVERITY|?4SINCE|>VALUE|FIRES|?1METRIC|?3*REASON");
	struct json_iter items = cli_view_each(answer.json, "items");

	while (json_next(&items)) {
		struct json_value alert = items.value;

		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, alert, "alert"));
		cli_grid_add(grid, state_color(alert), cli_cell_text(cli, alert, "state"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, alert, "severity"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, alert, "since"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_real_at(cli, alert, "value"));
		cli_grid_add(grid, CLI_PLAIN,
			cli_cell_format(cli, "%s %s", cli_cell_text(cli, alert, "fires"),
				cli_cell_text(cli, alert, "threshold")));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, alert, "metric"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, alert, "reason"));
	}
	cli_grid_print(grid);
	return CLI_DONE;
}
