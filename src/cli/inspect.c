/* SPDX-License-Identifier: MIT */
/* cachewarden clients, slowlog and latency: lists whose columns are data. */
#include <stdio.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/say.h"
#include "cli/view.h"

enum { usual_items = 20, max_columns = 8 };

struct column {
	const char *path;
	const char *(*cell)(struct cli *cli, struct json_value value, const char *path);
};

struct inspect {
	const char *path;   /* of the route */
	const char *titles; /* as cli_grid_new() takes them */
	struct column columns[max_columns];
	const char *none; /* said where the list is empty */
};

static const struct inspect clients = {CLI_ADMIN "/clients",
	"*NAME|ADDRESS|?USER|?*LIBRARY|>CONNECTIONS|>BLOCKED|IDLE|>MEMORY",
	{{"name", cli_cell_text}, {"address", cli_cell_text}, {"user", cli_cell_text},
		{"library", cli_cell_text}, {"connections", cli_cell_count_at},
		{"blocked", cli_cell_count_at}, {"idle_seconds", cli_cell_span_at},
		{"memory_bytes", cli_cell_bytes_at}},
	"There are no connections."};

static const struct inspect slowlog = {CLI_ADMIN "/slowlog",
	"TIME|>MS|COMMAND|*KEY|?>ARGUMENTS|CLIENT|?*CLIENT NAME|?NODE",
	{{"time", cli_cell_when}, {"duration_ms", cli_cell_real_at}, {"command", cli_cell_text},
		{"key", cli_cell_text}, {"arguments", cli_cell_count_at}, {"client", cli_cell_text},
		{"client_name", cli_cell_text}, {"node", cli_cell_text}},
	"No command was slow."};

static const struct inspect latency = {CLI_ADMIN "/latency",
	"COMMAND|>CALLS|>MEAN MS|>P50 MS|>P99 MS|>P99.9 MS|>MAX MS",
	{{"command", cli_cell_text}, {"calls", cli_cell_count_at}, {"mean_ms", cli_cell_text},
		{"p50_ms", cli_cell_text}, {"p99_ms", cli_cell_text}, {"p999_ms", cli_cell_text},
		{"max_ms", cli_cell_text}},
	"The servers tell no latencies: they do so from Redis 7 on."};

/* Servers that did not answer. */
static void say_missing(struct cli *cli, struct json_value answer)
{
	struct json_iter nodes = cli_view_each(answer, "nodes");

	while (json_next(&nodes)) {
		struct slice reason = cli_view_text(cli, nodes.value, "reason");

		if (reason.p)
			cli_say(0, "without %s: %s", cli_cell_text(cli, nodes.value, "name"),
				reason.p);
	}
}

static void print(struct cli *cli, const struct inspect *what, struct json_value answer)
{
	struct cli_grid *grid = cli_grid_new(cli, what->titles);
	struct json_iter items = cli_view_each(answer, "items");

	while (json_next(&items))
		for (size_t i = 0; i < max_columns && what->columns[i].path; i++)
			cli_grid_add(grid, CLI_PLAIN,
				what->columns[i].cell(cli, items.value, what->columns[i].path));
	cli_grid_print(grid);
	if (!cli_grid_rows(grid))
		cli_say_done(0, "%s", what->none);
	else if (cli_view_text(cli, answer, "next").p)
		cli_say_done(0, "There are more: --limit shows them.");
	say_missing(cli, answer);
}

/* `more` of the query follows the limit; NULL = the route takes neither. */
static int show(struct cli *cli, const struct cli_args *args, const struct inspect *what,
	const char *more, struct cli_answer *ret)
{
	int64_t limit = usual_items;

	if (!cli_args_int(args, "limit", 1, 1000, &limit))
		return CLI_USAGE;
	const char *path =
		more ? cli_cell_format(cli, "%s?limit=%lld%s", what->path, (long long)limit, more)
		     : what->path;
	int exit = cli_client_get(cli, path, ret);

	if (!exit && !cli->json)
		print(cli, what, ret->json);
	return exit;
}

int cli_inspect_clients(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;

	return show(cli, args, &clients, "", &answer);
}

int cli_inspect_slowlog(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;

	return show(cli, args, &slowlog, "", &answer);
}

int cli_inspect_latency(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;

	return show(cli, args, &latency, NULL, &answer);
}
