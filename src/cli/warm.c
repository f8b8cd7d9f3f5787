/* SPDX-License-Identifier: MIT */
/* cachewarden warm and cachewarden jobs. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/follow.h"
#include "cli/grid.h"
#include "cli/jobs.h"
#include "cli/quote.h"
#include "cli/say.h"
#include "cli/view.h"

/* False after saying what is wrong. */
static bool add_body(const struct cli_args *args, struct buf *out)
{
	buf_str(out, "{\"wait\":0");
	for (size_t i = 0; i < args->word_count; i++) {
		buf_str(out, i ? "," : ",\"cache_names\":[");
		if (!cli_quote(out, "job", args->words[i]))
			return false;
	}
	if (args->word_count)
		buf_char(out, ']');
	if (!cli_quote_member(out, "note", cli_args_text(args, "note")))
		return false;
	buf_char(out, '}');
	return true;
}

static void add_run(struct cli *cli, struct cli_grid *grid, const struct cli_followed *run)
{
	struct json_value operation = run->operation;
	const char *error = cli_jobs_error(cli, operation);

	cli_grid_add(grid, CLI_PLAIN, run->label);
	cli_grid_add(grid, cli_jobs_color(operation), cli_cell_text(cli, operation, "state"));
	cli_grid_add(grid, CLI_PLAIN, cli_jobs_stored(cli, operation));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_count_at(cli, operation, "result/rejected"));
	cli_grid_add(grid, CLI_PLAIN, cli_jobs_took(cli, operation));
	if (strcmp(error, "-") != 0)
		cli_grid_add(grid, CLI_PLAIN, error);
	else
		cli_grid_add_slice(grid, CLI_PLAIN, run->id);
}

/* After the runs have ended. */
static int report(struct cli *cli, const struct cli_followed *runs, size_t count)
{
	struct cli_grid *grid =
		cli_grid_new(cli, "JOB|STATE|>STORED|?>REJECTED|?>TOOK|_OPERATION OR ERROR");
	int exit = CLI_DONE;

	if (cli->json)
		fputs("{\"runs\":[", stdout);
	for (size_t i = 0; i < count; i++) {
		struct slice text = runs[i].operation.text;

		if (!cli_view_is(runs[i].operation, "state", "completed"))
			exit = CLI_FAILED;
		if (cli->json)
			printf("%s%.*s", i ? "," : "", (int)text.n, text.p);
		else
			add_run(cli, grid, &runs[i]);
	}
	if (cli->json)
		puts("]}");
	cli_grid_print(grid);
	return exit;
}

static void say_begun(struct cli *cli, const struct cli_followed *run, struct json_value answer)
{
	if (!cli->json)
		cli_say_done(0, "%s: %s, operation %s%s", run->label,
			cli_cell_text(cli, answer, "state"), run->id.p,
			cli_view_true(answer, "already_running") ? ", was running already" : "");
}

int cli_warm(struct cli *cli, const struct cli_args *args)
{
	bool wait = !cli_args_flag(args, "no-wait");
	struct cli quiet = *cli;
	struct cli_answer answer;
	struct buf body = {0};
	bool ok = add_body(args, &body);

	/* With --json the runs are printed once: at once, or at the end. */
	quiet.json = cli->json && !wait;
	struct slice text = arena_take(&quiet.arena, &body);

	if (!ok) {
		cli->arena = quiet.arena;
		return CLI_USAGE;
	}
	int exit = cli_client_json(&quiet,
		&(struct cli_request){.method = "POST", .path = CLI_ADMIN "/warm", .body = text},
		&answer);

	cli->curl = quiet.curl;
	cli->arena = quiet.arena;
	if (exit)
		return exit;
	size_t count = cli_view_length(answer.json, "runs"), at = 0;
	struct cli_followed *runs = arena_alloc(&cli->arena, (count + 1) * sizeof *runs);
	struct json_iter it = cli_view_each(answer.json, "runs");

	while (json_next(&it)) {
		runs[at] = (struct cli_followed){.id = cli_view_text(cli, it.value, "operation_id"),
			.label = cli_cell_text(cli, it.value, "job")};
		if (!wait)
			say_begun(cli, &runs[at], it.value);
		at++;
	}
	if (!count)
		return cli_say_done(CLI_DONE, "There is no job to run: cachewarden jobs");
	if (!wait)
		return CLI_DONE;
	exit = cli_follow(cli, runs, count, DEADLINE_NONE);
	return exit ? exit : report(cli, runs, count);
}
