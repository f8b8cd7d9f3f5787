/* SPDX-License-Identifier: MIT */
/* cachewarden explain. */
#include <math.h>

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
	cli_grid_pair(grid, "tags", CLI_PLAIN, "%s",
		tags ? tags
		: cli_view_number(key, "tags_checked", 1) > 0
			? "none"
			: "none known; which tags there are is not known before the pruner's first "
			  "walk");
	cli_grid_pair(grid, "dependents", CLI_PLAIN, "%s", dependents ? dependents : "none");
	cli_grid_pair(grid, "protected", CLI_PLAIN, "%s",
		cli_view_true(key, "protected") ? "yes: only scope admin, by its exact name"
						: "no");
}

/*
 * The TTL of a value under stale_for holds its stale time as well. Another client that does not add
 * it stores a value that is stale too early, or at once.
 */
static const char *ttl_hint(struct cli *cli, struct json_value key)
{
	double ttl = cli_view_number(key, "ttl", -3);
	double own = cli_view_number(key, "namespace/ttl", (double)NAN);
	const char *stale_for = cli_cell_span_at(cli, key, "namespace/stale_for");

	if (!cli_view_true(key, "exists") || cli_view_number(key, "namespace/stale_for", 0) <= 0)
		return NULL;
	if (cli_view_true(key, "stale"))
		return cli_view_is(key, "last_invalidation/mode", "soft")
			       ? "It is stale until it is loaded or stored again, because of that "
				 "invalidation, unless it was stored since and has ended again."
			       : cli_cell_format(cli,
					 "Its TTL is over, or another client has stored it with a "
					 "TTL of less than %s: the last %s of a TTL count as stale "
					 "in "
					 "this namespace (stale_for), so other clients must add "
					 "them.",
					 stale_for, stale_for);
	if (ttl == -1)
		return cli_cell_format(cli,
			"It never expires, though its namespace has a TTL of %s: another client, "
			"or keys expire, has set that. Only an invalidation makes it stale.",
			cli_cell_span(cli, own));
	if (ttl > own)
		return cli_cell_format(cli,
			"Its TTL is longer than that of its namespace (%s): another client, or "
			"keys expire, has set it.",
			cli_cell_span(cli, own));
	return NULL;
}

/* Of a soft purge without memory for its marks. */
static void add_instead(struct cli *cli, struct cli_grid *grid, struct json_value last)
{
	double instead = cli_view_number(last, "removed_instead", 0);

	if (instead > 0)
		cli_grid_pair(grid, "", CLI_BAD,
			"%s REMOVED by it instead of made stale, because Redis was at maxmemory",
			cli_cell_things(cli, instead, "key was|keys were"));
}

/* When, by whom, why and by what. */
static void add_last(struct cli *cli, struct cli_grid *grid, struct json_value last)
{
	static const char *const modes[][2] = {{"hard", ", removed"}, {"soft", ", made stale"},
		{"spread", ", to expire little by little"}};
	struct slice by = cli_view_text(cli, last, "by"), note = cli_view_text(cli, last, "note");
	struct json_value logged;
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
	add_instead(cli, grid, last);
	if (cli_view(last, "logged", &logged) && logged.type == JSON_FALSE)
		cli_grid_pair(grid, "", CLI_WARN,
			"Redis had no memory to log it: only this daemon knows of it");
}

static void add_none(struct cli *cli, struct cli_grid *grid, struct json_value key)
{
	double entries = cli_view_number(key, "log/entries", 0);

	if (entries > 0)
		cli_grid_pair(grid, "invalidated", CLI_PLAIN,
			"not by the last %s, which is all since %s",
			cli_cell_things(cli, entries, "invalidation|invalidations"),
			cli_cell_when(cli, key, "log/since"));
	else
		cli_grid_pair(grid, "invalidated", CLI_PLAIN,
			"not known: the log of invalidations is empty");
}

/* Whether it had them when they were purged cannot be told: their sets are gone. */
static void add_other_tags(struct cli *cli, struct cli_grid *grid, struct json_value key)
{
	double count = cli_view_number(key, "log/other_tags", 0);

	if (count > 0)
		cli_grid_pair(grid, "", CLI_PLAIN,
			"%s%s purged tags that it does not have now, but may have had",
			cli_cell_things(cli, count, "invalidation|invalidations"),
			cli_view_text(cli, key, "last_invalidation/kind").p ? " since" : "");
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
		add_none(cli, grid, key);
	add_other_tags(cli, grid, key);
	if (cli_view_text(cli, key, "unlogged").p)
		cli_grid_pair(grid, "", CLI_WARN,
			"A later invalidation (%s) could not be logged, because Redis had no "
			"memory: it may have been about this key",
			cli_cell_when(cli, key, "unlogged"));
	const char *hint = ttl_hint(cli, key);

	if (hint)
		cli_grid_pair(grid, "hint", CLI_WARN, "%s", hint);
	cli_grid_print(grid);
	return CLI_DONE;
}
