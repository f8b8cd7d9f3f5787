/* SPDX-License-Identifier: MIT */
/* cachewarden explain. */
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/say.h"
#include "cli/view.h"

#define TEXT(path) cli_cell_text(cli, key, path)

static const char *ttl_of(struct cli *cli, struct json_value key)
{
	double ttl = cli_view_number(key, "ttl", -3);

	if (cli_view_true(key, "stale"))
		return "its TTL is over: it is stale";
	if (ttl == -1)
		return "without expiry";
	return ttl < 0 ? "-" : cli_cell_format(cli, "%s left", cli_cell_span(cli, ttl));
}

static void add_stored(struct cli *cli, struct cli_grid *grid, struct json_value key)
{
	if (!cli_view_true(key, "exists")) {
		cli_grid_pair(grid, "stored", CLI_WARN, "nothing");
		return;
	}
	cli_grid_pair(grid, "stored", CLI_PLAIN, "%s of %s%s, %s in memory", TEXT("type"),
		cli_cell_bytes_at(cli, key, "bytes"),
		cli_view_true(key, "compressed") ? ", compressed" : "",
		cli_cell_bytes_at(cli, key, "memory_bytes"));
	cli_grid_pair(grid, "ttl", cli_view_true(key, "stale") ? CLI_WARN : CLI_PLAIN, "%s",
		ttl_of(cli, key));
}

static void add_rules(struct cli *cli, struct cli_grid *grid, struct json_value key)
{
	struct slice prefix = cli_view_text(cli, key, "namespace/prefix");
	double stale_for = cli_view_number(key, "namespace/stale_for", 0);
	struct json_iter entities = cli_view_each(key, "entities");
	const char *tags = cli_view_join(cli, key, "tags");
	const char *dependents = cli_view_join(cli, key, "dependents");

	if (prefix.p)
		cli_grid_pair(grid, "namespace", CLI_PLAIN, "%s, TTL %s%s%s", prefix.p,
			cli_cell_span_at(cli, key, "namespace/ttl"),
			stale_for > 0 ? ", then stale for " : "",
			stale_for > 0 ? cli_cell_span(cli, stale_for) : "");
	else
		cli_grid_pair(grid, "namespace", CLI_PLAIN, "none");
	while (json_next(&entities))
		cli_grid_pair(grid, "entity", CLI_PLAIN, "%s=%s",
			cli_cell_text(cli, entities.value, "entity"),
			cli_cell_text(cli, entities.value, "id"));
	cli_grid_pair(grid, "tags", CLI_PLAIN, "%s", tags ? tags : "none");
	cli_grid_pair(grid, "dependents", CLI_PLAIN, "%s", dependents ? dependents : "none");
	cli_grid_pair(grid, "protected", CLI_PLAIN, "%s",
		cli_view_true(key, "protected") ? "yes: only scope admin, by its exact name"
						: "no");
}

/* When, by whom, why and by what. */
static void add_last(struct cli *cli, struct cli_grid *grid, struct json_value last)
{
	static const char *const modes[][2] = {{"hard", ", removed"}, {"soft", ", made stale"},
		{"spread", ", to expire little by little"}};
	struct slice by = cli_view_text(cli, last, "by"), note = cli_view_text(cli, last, "note");
	const char *mode = "";

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (cli_view_is(last, "mode", modes[i][0]))
			mode = modes[i][1];
	cli_grid_pair(grid, "invalidated", CLI_PLAIN, "%s%s%s%s, with the %s %s, operation %s",
		cli_cell_when(cli, last, "time"), mode, by.p ? ", by " : "", by.p ? by.p : "",
		cli_cell_text(cli, last, "kind"), cli_cell_text(cli, last, "value"),
		cli_cell_text(cli, last, "operation_id"));
	if (note.p)
		cli_grid_pair(grid, "note", CLI_PLAIN, "%s", note.p);
}

int cli_explain(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;

	if (!args->words[0].n)
		return cli_say(CLI_USAGE, "a key must not be empty");
	int exit = cli_client_get(
		cli, cli_client_path(cli, CLI_ADMIN "/explain", args->words[0], ""), &answer);

	if (exit || cli->json)
		return exit;
	struct cli_grid *grid = cli_grid_new(cli, "=|=");
	struct json_value key = answer.json, last;

	cli_grid_pair(grid, "key", CLI_BOLD, "%s", TEXT("key"));
	add_stored(cli, grid, key);
	add_rules(cli, grid, key);
	if (cli_view(key, "last_invalidation", &last))
		add_last(cli, grid, last);
	else
		cli_grid_pair(
			grid, "invalidated", CLI_PLAIN, "not by the last 1,000 invalidations");
	cli_grid_print(grid);
	return CLI_DONE;
}
