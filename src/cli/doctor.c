/* SPDX-License-Identifier: MIT */
/* cachewarden doctor. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/jobs.h"
#include "cli/view.h"

static enum cli_color severity_color(struct json_value finding)
{
	if (cli_view_is(finding, "severity", "error"))
		return CLI_BAD;
	return cli_view_is(finding, "severity", "warning") ? CLI_WARN : CLI_DIM;
}

/* A fault a line, as the files have them. */
static void add_lines(struct cli_grid *grid, struct slice text)
{
	for (bool first = true; first || text.n; first = false) {
		const char *end = text.n ? memchr(text.p, '\n', text.n) : NULL;
		struct slice line = slice_of(text.p, end ? (size_t)(end - text.p) : text.n);

		if (!first)
			cli_grid_add(grid, CLI_PLAIN, "");
		cli_grid_add_slice(grid, CLI_PLAIN, line);
		text = slice_skip(text, line.n + (end != NULL));
	}
}

static bool is_plain(const char *name)
{
	while (isalnum((unsigned char)*name) || *name == '_' || *name == '-' || *name == '.')
		name++;
	return *name == '\0';
}

/* A paused run is refused. */
static bool add_pause(struct cli *cli, struct cli_grid *grid)
{
	struct cli_answer answer;
	struct json_value paused;

	if (cli_client_json(cli, &(struct cli_request){.path = CLI_ADMIN "/warm", .quiet = true},
		    &answer) ||
		!cli_view(answer.json, "paused", &paused))
		return false;
	cli_grid_pair(grid, "but", CLI_WARN, "warming is %s: no run starts before",
		cli_jobs_pause(cli, paused));
	return true;
}

/* What to type, where the command line has commands for it. */
static void add_commands(struct cli *cli, struct cli_grid *grid, struct json_value finding)
{
	const char *subject = cli_cell_text(cli, finding, "subject"), *text = NULL;

	if (cli_view_is(finding, "code", "reload_refused"))
		text = "cachewarden config check FILE; cachewarden reload";
	/* A name that a shell would read otherwise is not put into a command. */
	else if (cli_view_is(finding, "code", "job_failing") && is_plain(subject))
		text = cli_cell_format(cli, "cachewarden jobs %s; %scachewarden warm %s", subject,
			add_pause(cli, grid) ? "cachewarden resume warming; " : "", subject);
	if (!text)
		return;
	cli_grid_add(grid, CLI_DIM, "type");
	cli_grid_add(grid, CLI_BOLD, text);
}

static void print_finding(struct cli *cli, struct json_value finding)
{
	struct cli_grid *grid = cli_grid_new(cli, "=|=");
	struct slice feature = cli_view_text(cli, finding, "feature");
	struct slice fix = cli_view_text(cli, finding, "fix");

	cli_grid_add(grid, severity_color(finding), cli_cell_text(cli, finding, "severity"));
	add_lines(grid, cli_view_text(cli, finding, "detail"));
	if (feature.n) {
		cli_grid_add(grid, CLI_DIM, "affects");
		cli_grid_add_slice(grid, CLI_PLAIN, feature);
	}
	if (fix.n) {
		cli_grid_add(grid, CLI_DIM, "fix");
		cli_grid_add_slice(grid, CLI_BOLD, fix);
	}
	add_commands(cli, grid, finding);
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

	int warnings = 0;

	while (json_next(&findings)) {
		warnings += cli_view_is(findings.value, "severity", "warning");
		print_finding(cli, findings.value);
	}
	cli_grid_pair(grid, "server", CLI_PLAIN, "%s, %s, %s %s, %s ms",
		cli_cell_text(cli, answer.json, "server/name"),
		cli_cell_text(cli, answer.json, "server/version"),
		cli_cell_text(cli, answer.json, "server/mode"),
		cli_cell_text(cli, answer.json, "server/role"),
		cli_cell_text(cli, answer.json, "server/latency_ms"));
	cli_grid_pair(grid, "verdict", ok ? CLI_GOOD : CLI_BAD, "%s",
		!ok	   ? "something does not work: see the errors above"
		: warnings ? "everything works, but see the warnings above"
			   : "everything works");
	cli_grid_print(grid);
	return ok ? CLI_DONE : CLI_FAILED;
}
