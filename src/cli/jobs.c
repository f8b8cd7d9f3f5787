/* SPDX-License-Identifier: MIT */
/* cachewarden jobs, and what is shown of runs. */
#include "cli/jobs.h"

#include <math.h>

#include "base/clock.h"
#include "base/timestamp.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/say.h"
#include "cli/view.h"

enum cli_color cli_jobs_color(struct json_value operation)
{
	if (cli_view_is(operation, "state", "completed"))
		return CLI_GOOD;
	if (cli_view_is(operation, "state", "failed") ||
		cli_view_is(operation, "state", "interrupted"))
		return CLI_BAD;
	return cli_view_is(operation, "state", "running") ||
			       cli_view_is(operation, "state", "queued")
		       ? CLI_PLAIN
		       : CLI_WARN;
}

const char *cli_jobs_stored(struct cli *cli, struct json_value operation)
{
	double visited = cli_view_number(operation, "result/visited", (double)NAN);

	return isnan(visited) ? cli_cell_count_at(cli, operation, "result/stored")
			      : cli_cell_count(cli, visited);
}

const char *cli_jobs_error(struct cli *cli, struct json_value operation)
{
	struct slice error = cli_view_text(cli, operation, "error/detail");
	struct json_iter first = cli_view_each(operation, "result/first_errors");

	if (!error.p && json_next(&first))
		error = cli_view_text(cli, first.value, "detail");
	return error.p ? error.p : "-";
}

const char *cli_jobs_took(struct cli *cli, struct json_value operation)
{
	struct slice started = cli_view_text(cli, operation, "started");
	struct slice finished = cli_view_text(cli, operation, "finished");
	int64_t from, to = clock_wall_ms();

	if (!started.p || timestamp_parse(started, &from) ||
		(finished.p && timestamp_parse(finished, &to)))
		return "-";
	return cli_cell_span(cli, (double)(to - from) / 1000);
}

const char *cli_jobs_pause(struct cli *cli, struct json_value pause)
{
	struct slice note = cli_view_text(cli, pause, "note");

	return cli_cell_format(cli, "paused by %s%s%s%s, %s; ends %s, or by cachewarden resume",
		cli_cell_text(cli, pause, "by"), note.n ? " (" : "", note.n ? note.p : "",
		note.n ? ")" : "", cli_cell_when(cli, pause, "since"),
		cli_cell_when(cli, pause, "until"));
}

/* A schedule as the configuration has it: "every 10m", a cron line, or nothing. */
static const char *schedule_of(struct cli *cli, struct json_value job)
{
	struct slice every = cli_view_text(cli, job, "schedule/every");
	struct slice cron = cli_view_text(cli, job, "schedule/cron");

	if (every.p)
		return cli_cell_format(cli, "every %s", every.p);
	return cron.p ? cron.p : cli_cell_text(cli, job, "schedule");
}

static void add(struct cli *cli, struct cli_grid *grid, struct json_value job)
{
	struct json_value run = {JSON_NULL, {"null", 4}};
	bool suspended = cli_view_true(job, "suspended");

	cli_view(job, "last_run", &run);
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, job, "name"));
	cli_grid_add(grid, CLI_PLAIN, suspended ? "suspended" : schedule_of(cli, job));
	cli_grid_add(grid, cli_jobs_color(run), cli_cell_text(cli, run, "state"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, run, "started"));
	cli_grid_add(grid, CLI_PLAIN, cli_jobs_took(cli, run));
	cli_grid_add(grid, CLI_PLAIN, cli_jobs_stored(cli, run));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, job, "last_success"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, job, "next_run"));
	cli_grid_add(grid, CLI_PLAIN, cli_jobs_error(cli, run));
}

int cli_jobs(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;
	int exit = cli_client_get(cli, CLI_ADMIN "/warm", &answer);

	(void)args;
	if (exit || cli->json)
		return exit;
	struct cli_grid *grid = cli_grid_new(cli,
		"JOB|*SCHEDULE|LAST RUN|STARTED|?>TOOK|?>STORED|?LAST SUCCESS|NEXT RUN|_ERROR");
	struct json_iter jobs = cli_view_each(answer.json, "jobs");
	struct json_value paused;

	while (json_next(&jobs))
		add(cli, grid, jobs.value);
	cli_grid_print(grid);
	if (cli_view(answer.json, "paused", &paused))
		cli_say_done(0, "Warming is %s. Runs that are due are skipped.",
			cli_jobs_pause(cli, paused));
	if (!cli_grid_rows(grid))
		cli_say_done(0, "The configuration has no warm jobs.");
	return CLI_DONE;
}
