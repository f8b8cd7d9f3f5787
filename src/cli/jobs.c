/* SPDX-License-Identifier: MIT */
/* cachewarden jobs, and what is shown of runs. */
#include "cli/jobs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/timestamp.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/known.h"
#include "cli/say.h"
#include "cli/view.h"

enum { shown_runs = 10 };

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

const char *cli_jobs_missed(struct cli *cli, struct json_value job)
{
	struct slice missed = cli_view_text(cli, job, "last_missed/time");
	struct slice started = cli_view_text(cli, job, "last_run/started");
	int64_t missed_ms, started_ms;

	if (!missed.p || timestamp_parse(missed, &missed_ms) ||
		(started.p && !timestamp_parse(started, &started_ms) && started_ms > missed_ms))
		return NULL;
	return cli_cell_format(cli, "missed %s: %s", cli_cell_when(cli, job, "last_missed/time"),
		cli_cell_text(cli, job, "last_missed/error/detail"));
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
	const char *missed = cli_jobs_missed(cli, job);

	cli_grid_add(
		grid, missed ? CLI_BAD : CLI_PLAIN, missed ? missed : cli_jobs_error(cli, run));
}

/* The rows of the first errors of a run, each once. */
static void add_first_errors(struct cli *cli, struct cli_grid *grid, struct json_value run)
{
	struct json_iter errors = cli_view_each(run, "result/first_errors");
	struct slice error = cli_view_text(cli, run, "error/detail");

	if (error.n)
		cli_grid_pair(grid, "error", CLI_BAD, "%s", error.p);
	while (json_next(&errors)) {
		struct slice detail = cli_view_text(cli, errors.value, "detail");
		struct slice row = cli_view_text(cli, errors.value, "row");

		if (detail.n && !slice_equal(detail, error))
			cli_grid_pair(grid, "error", CLI_BAD, "%s%s%s%s", row.n ? "row " : "",
				row.n ? row.p : "", row.n ? ": " : "", detail.p);
	}
}

static void add_last_run(struct cli *cli, struct cli_grid *grid, struct json_value run)
{
	cli_grid_pair(grid, "last run", cli_jobs_color(run), "%s, %s, took %s, by %s, operation %s",
		cli_cell_text(cli, run, "state"), cli_cell_when(cli, run, "started"),
		cli_jobs_took(cli, run), cli_cell_text(cli, run, "by"),
		cli_cell_text(cli, run, "operation_id"));
	if (cli_view_number(run, "result/rows", -1) >= 0)
		cli_grid_pair(grid, "rows", CLI_PLAIN,
			"%s read, %s stored, %s skipped, %s rejected",
			cli_cell_count_at(cli, run, "result/rows"), cli_jobs_stored(cli, run),
			cli_cell_count_at(cli, run, "result/skipped"),
			cli_cell_count_at(cli, run, "result/rejected"));
	add_first_errors(cli, grid, run);
}

static void print_job(struct cli *cli, struct json_value job)
{
	struct cli_grid *grid = cli_grid_new(cli, "=|=");
	struct json_value run;
	double read_share = cli_view_number(job, "usefulness/ratio", (double)NAN);

	cli_grid_pair(grid, "job", CLI_BOLD, "%s", cli_cell_text(cli, job, "name"));
	cli_grid_pair(grid, "schedule", CLI_PLAIN, "%s%s", schedule_of(cli, job),
		cli_view_true(job, "suspended") ? ", suspended" : "");
	cli_grid_pair(grid, "next run", CLI_PLAIN, "%s", cli_cell_when(cli, job, "next_run"));
	cli_grid_pair(grid, "success", CLI_PLAIN, "%s",
		cli_view_text(cli, job, "last_success").p ? cli_cell_when(cli, job, "last_success")
							  : "none");
	if (cli_view_number(job, "last_missed/count", 0) > 0)
		cli_grid_pair(grid, "missed", cli_jobs_missed(cli, job) ? CLI_BAD : CLI_PLAIN,
			"%s since the start of the daemon, the last one %s: %s",
			cli_cell_things(
				cli, cli_view_number(job, "last_missed/count", 0), "run|runs"),
			cli_cell_when(cli, job, "last_missed/time"),
			cli_cell_text(cli, job, "last_missed/error/detail"));
	if (cli_view(job, "last_run", &run))
		add_last_run(cli, grid, run);
	else
		cli_grid_pair(grid, "last run", CLI_PLAIN, "none yet");
	if (!isnan(read_share))
		cli_grid_pair(grid, "read", CLI_PLAIN,
			"%s of what it stores is read between two runs (%s keys looked at)",
			cli_cell_ratio(cli, read_share),
			cli_cell_count_at(cli, job, "usefulness/sampled"));
	cli_grid_print(grid);
}

/* The runs before: the operations of all jobs, as far as they are kept. */
static void print_runs(struct cli *cli, const char *name)
{
	struct cli_grid *grid =
		cli_grid_new(cli, "?2OPERATION|STARTED|STATE|>STORED|?1>TOOK|BY|_ERROR");
	const char *before = "";
	struct cli_answer answer;

	if (cli_client_json(cli,
		    &(struct cli_request){
			    .path = CLI_ADMIN "/operations?kind=warm&limit=1000", .quiet = true},
		    &answer))
		return;
	struct json_iter items = cli_view_each(answer.json, "items");

	while (cli_grid_rows(grid) < shown_runs && json_next(&items)) {
		if (!cli_view_is(items.value, "job", name))
			continue;
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, items.value, "operation_id"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, items.value, "started"));
		cli_grid_add(grid, cli_jobs_color(items.value),
			cli_cell_text(cli, items.value, "state"));
		cli_grid_add(grid, CLI_PLAIN, cli_jobs_stored(cli, items.value));
		cli_grid_add(grid, CLI_PLAIN, cli_jobs_took(cli, items.value));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, items.value, "by"));
		const char *error = cli_jobs_error(cli, items.value);
		bool again = *before && strcmp(error, before) == 0;

		before = strcmp(error, "-") == 0 ? "" : error;
		cli_grid_add(grid, CLI_PLAIN, again ? "the same" : error);
	}
	if (cli_grid_rows(grid))
		putchar('\n');
	cli_grid_print(grid);
}

/* The daemon has no route of one job: this is what its others say of a name without one. */
static int refuse(struct cli *cli, struct slice name)
{
	const char *detail = cli_cell_format(cli, "there is no warm job '%s'", name.p);

	if (cli->json) {
		struct buf out = {0};

		buf_str(&out, "{\"type\":\"about:blank\",\"title\":");
		json_quote(&out, slice_str(error_title(ERR_UNKNOWN_JOB)));
		buf_printf(&out, ",\"status\":%d,\"detail\":", error_status(ERR_UNKNOWN_JOB));
		json_quote(&out, slice_str(detail));
		buf_str(&out, ",\"code\":\"unknown_job\"}\n");
		fwrite(out.p, 1, out.n, stdout);
		buf_release(&out);
	}
	cli_say(CLI_FAILED, "%s (unknown_job)", detail);
	cli_known_say(cli, ":jobs", name);
	return CLI_FAILED;
}

static int show(struct cli *cli, struct slice name, struct json_value answer)
{
	struct json_iter jobs = cli_view_each(answer, "jobs");

	while (json_next(&jobs)) {
		if (!cli_view_is(jobs.value, "name", name.p))
			continue;
		if (cli->json) {
			printf("%.*s\n", (int)jobs.value.text.n, jobs.value.text.p);
			return CLI_DONE;
		}
		print_job(cli, jobs.value);
		print_runs(cli, name.p);
		return CLI_DONE;
	}
	return refuse(cli, name);
}

int cli_jobs(struct cli *cli, const struct cli_args *args)
{
	bool json = cli->json;
	struct cli_answer answer;

	/* Of one job, its part of the answer is printed. */
	cli->json = json && !args->word_count;
	int exit = cli_client_get(cli, CLI_ADMIN "/warm", &answer);

	cli->json = json;
	if (!exit && args->word_count)
		return show(cli, args->words[0], answer.json);
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
		cli_say_done(0, "No warm job is visible: the configuration has none, or the "
				"token's key_prefixes leave them out.");
	return CLI_DONE;
}
