/* SPDX-License-Identifier: MIT */
/* cachewarden health. */
#include <stdio.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/jobs.h"
#include "cli/refusal.h"
#include "cli/view.h"

static enum cli_color status_color(const char *status)
{
	return strcmp(status, "UP") == 0     ? CLI_GOOD
	       : strcmp(status, "DOWN") == 0 ? CLI_BAD
					     : CLI_WARN;
}

/* A row of a component beyond its first. */
static void add_line(struct cli_grid *grid, enum cli_color color, const char *text)
{
	cli_grid_add(grid, CLI_PLAIN, "");
	cli_grid_add(grid, CLI_PLAIN, "");
	cli_grid_add(grid, color, text);
}

/* The same without what a daemon of an older version does not say in words. */
static const char *older_detail_of(struct cli *cli, struct json_value component)
{
	struct slice error = cli_view_text(cli, component, "details/error");
	double failing = cli_view_number(component, "details/failing_jobs", 0);
	double firing = cli_view_number(component, "details/firing", 0);

	if (error.p)
		return error.p;
	if (cli_view_text(cli, component, "details/last_reload").p)
		return "the last reload was refused, and the configuration before it is in force";
	if (failing > 0)
		return cli_cell_things(cli, failing, "job is failing|jobs are failing");
	if (firing > 0)
		return cli_cell_things(cli, firing, "alert fires|alerts fire");
	return "";
}

/* What is behind the status, in words, and what to type about it. */
static const char *detail_of(struct cli *cli, struct json_value component)
{
	struct slice summary = cli_view_text(cli, component, "details/summary");
	const char *text = summary.n ? summary.p : older_detail_of(cli, component);

	if (cli_view_text(cli, component, "details/last_reload").p)
		return cli_cell_format(cli, "%s (correct the file, then cachewarden reload)", text);
	if (cli_view_number(component, "details/failing_jobs", 0) > 0)
		return cli_cell_format(cli, "%s (cachewarden jobs NAME shows its runs)", text);
	if (cli_view_number(component, "details/firing", 0) > 0)
		return cli_cell_format(cli, "%s (cachewarden alerts)", text);
	return text;
}

/* Why jobs fail: the list of jobs knows; where it cannot be read, their number stays alone. */
static void add_failing(struct cli *cli, struct cli_grid *grid)
{
	struct cli_answer answer;

	if (cli_client_json(
		    cli, &(struct cli_request){.path = CLI_ADMIN "/warm", .quiet = true}, &answer))
		return;
	struct json_iter jobs = cli_view_each(answer.json, "jobs");

	while (json_next(&jobs)) {
		const char *missed = cli_jobs_missed(cli, jobs.value);
		struct json_value run;

		if (missed)
			add_line(grid, CLI_BAD,
				cli_cell_format(cli, "%s %s",
					cli_cell_text(cli, jobs.value, "name"), missed));
		/* Those that were cancelled do not count. */
		if (missed || !cli_view(jobs.value, "last_run", &run) ||
			cli_view_is(run, "state", "completed") ||
			cli_view_is(run, "state", "cancelled") ||
			strcmp(cli_jobs_error(cli, run), "-") == 0)
			continue;
		add_line(grid, cli_jobs_color(run),
			cli_cell_format(cli, "%s %s %s: %s", cli_cell_text(cli, jobs.value, "name"),
				cli_cell_text(cli, run, "state"),
				cli_cell_when(cli, run, "started"), cli_jobs_error(cli, run)));
	}
}

/* What is wrong with the files, a line for each fault. */
static void add_reload(struct cli *cli, struct cli_grid *grid, struct slice faults)
{
	while (faults.n) {
		const char *end = memchr(faults.p, '\n', faults.n);
		size_t n = end ? (size_t)(end - faults.p) : faults.n;

		add_line(grid, CLI_BAD, arena_dup(&cli->arena, slice_of(faults.p, n)));
		faults = slice_skip(faults, n + (end != NULL));
	}
}

static const char *text_of(struct cli *cli, struct json_value value)
{
	return cli_cell_text(cli, value, "");
}

/* The rows of one component: its status with what is wrong, then its warnings. */
static void add_component(
	struct cli *cli, struct cli_grid *grid, struct slice name, struct json_value component)
{
	const char *status = cli_cell_text(cli, component, "status");
	struct json_iter warnings = cli_view_each(component, "details/warnings");
	struct json_value paused;

	cli_grid_add_slice(grid, CLI_PLAIN, name);
	cli_grid_add(grid, status_color(status), status);
	const char *detail = detail_of(cli, component);

	/* Without anything else the first warning stands beside the status. */
	if (!*detail && json_next(&warnings))
		cli_grid_add(grid, CLI_WARN, text_of(cli, warnings.value));
	else
		cli_grid_add(grid, CLI_PLAIN, detail);
	if (cli_view_number(component, "details/failing_jobs", 0) > 0)
		add_failing(cli, grid);
	add_reload(cli, grid, cli_view_text(cli, component, "details/last_reload"));
	if (cli_view(component, "details/paused", &paused))
		add_line(grid, CLI_WARN, cli_jobs_pause(cli, paused));
	while (json_next(&warnings)) {
		const char *warning = text_of(cli, warnings.value);

		/* One may be the summary. */
		if (strcmp(warning, detail) != 0)
			add_line(grid, CLI_WARN, warning);
	}
}

/* The components that are not UP. */
static const char *reasons_of(struct cli *cli, struct json_value health)
{
	struct json_iter parts = cli_view_each(health, "components");
	struct buf names = {0};

	while (json_next(&parts))
		if (!cli_view_is(parts.value, "status", "UP"))
			buf_printf(&names, "%s%.*s", names.n ? ", " : "because of ",
				(int)parts.name.n, parts.name.p);
	return names.n ? arena_take(&cli->arena, &names).p : "all components are UP";
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
	struct cli_grid *grid = cli_grid_new(cli, "COMPONENT|STATUS|_DETAIL");
	struct json_iter parts = cli_view_each(answer.json, "components");

	cli_grid_add(grid, CLI_BOLD, cli_cell_text(cli, answer.json, "name"));
	cli_grid_add(grid, status_color(status), status);
	cli_grid_add(grid, CLI_PLAIN,
		parts.object ? reasons_of(cli, answer.json)
			     : "the reasons need a token with the scope read");
	while (json_next(&parts))
		if (parts.object)
			add_component(cli, grid, parts.name, parts.value);
	cli_grid_print(grid);
	return exit;
}
