/* SPDX-License-Identifier: MIT */
/* cachewarden doctor. */
#include <stdio.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/view.h"

static enum cli_color severity_color(struct json_value finding)
{
	if (cli_view_is(finding, "severity", "error"))
		return CLI_BAD;
	return cli_view_is(finding, "severity", "warning") ? CLI_WARN : CLI_DIM;
}

static void print_finding(struct cli *cli, struct json_value finding)
{
	struct cli_grid *grid = cli_grid_new(cli, "=|=");
	struct slice feature = cli_view_text(cli, finding, "feature");
	struct slice fix = cli_view_text(cli, finding, "fix");

	cli_grid_add(grid, severity_color(finding), cli_cell_text(cli, finding, "severity"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, finding, "detail"));
	if (feature.n) {
		cli_grid_add(grid, CLI_DIM, "affects");
		cli_grid_add_slice(grid, CLI_PLAIN, feature);
	}
	if (fix.n) {
		cli_grid_add(grid, CLI_DIM, "fix");
		cli_grid_add_slice(grid, CLI_BOLD, fix);
	}
	cli_grid_print(grid);
	putchar('\n');
}

int cli_doctor(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;
	int exit = cli_client_get(cli, CLI_ADMIN "/doctor", &answer);

	(void)args;
	if (exit)
		return exit;
	bool ok = cli_view_true(answer.json, "ok");

	if (cli->json)
		return ok ? CLI_DONE : CLI_FAILED;
	struct json_iter findings = cli_view_each(answer.json, "findings");
	struct cli_grid *grid = cli_grid_new(cli, "=|=");

	while (json_next(&findings))
		print_finding(cli, findings.value);
	cli_grid_pair(grid, "server", CLI_PLAIN, "%s, %s, %s %s, %s ms",
		cli_cell_text(cli, answer.json, "server/name"),
		cli_cell_text(cli, answer.json, "server/version"),
		cli_cell_text(cli, answer.json, "server/mode"),
		cli_cell_text(cli, answer.json, "server/role"),
		cli_cell_text(cli, answer.json, "server/latency_ms"));
	cli_grid_pair(grid, "verdict", ok ? CLI_GOOD : CLI_BAD, "%s",
		ok ? "everything works" : "something does not work: see the errors above");
	cli_grid_print(grid);
	return ok ? CLI_DONE : CLI_FAILED;
}
