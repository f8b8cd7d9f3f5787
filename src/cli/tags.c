/* SPDX-License-Identifier: MIT */
/* cachewarden tags. */
#include <math.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/keys_left.h"
#include "cli/known.h"
#include "cli/pages.h"
#include "cli/say.h"
#include "cli/view.h"

enum { usual_items = 1000 };

struct tags {
	struct cli *cli;
	struct cli_grid *grid;
	bool ttl;      /* the members' own, as asked for one by one */
	double age_ms; /* of the pruner's last look; below 0 = there was none */
};

static bool add_tag(void *context, struct json_value item)
{
	struct tags *tags = context;
	double members = cli_view_number(item, "members", (double)NAN);
	double gone = cli_view_number(item, "stale", (double)NAN);

	cli_grid_add(tags->grid, CLI_PLAIN, cli_cell_text(tags->cli, item, "tag"));
	cli_grid_add(tags->grid, CLI_PLAIN, cli_cell_count(tags->cli, members - gone));
	cli_grid_add(tags->grid, CLI_DIM, cli_cell_count(tags->cli, gone));
	return true;
}

static void see_walk(void *context, struct json_value page)
{
	struct tags *tags = context;

	tags->age_ms = cli_view_number(page, "walk/age_ms", tags->age_ms);
}

static bool add_member(void *context, struct json_value item)
{
	struct tags *tags = context;
	bool exists = cli_view_true(item, "exists");
	const char *expiry = cli_cell_when(tags->cli, item, "expires");

	cli_grid_add(tags->grid, CLI_PLAIN, cli_cell_key(tags->cli, item, "key"));
	cli_grid_add(tags->grid, exists ? CLI_PLAIN : CLI_DIM, exists ? "yes" : "no");
	cli_grid_add(tags->grid, CLI_PLAIN, strcmp(expiry, "-") == 0 ? "none" : expiry);
	if (tags->ttl) {
		const char *left = exists ? cli_keys_left(tags->cli, item) : "gone";

		cli_grid_add(tags->grid, strcmp(left, "stale") == 0 ? CLI_WARN : CLI_PLAIN, left);
	}
	return true;
}

static int list_members(struct cli *cli, const struct cli_args *args)
{
	bool ttl = cli_args_flag(args, "left");
	struct tags tags = {.cli = cli, .ttl = ttl};

	if (ttl && cli->json)
		return cli_say(CLI_USAGE,
			"--left is of the table: with --json the daemon's list is "
			"printed as it is");
	tags.grid = cli_grid_new(
		cli, ttl ? "*KEY|STORED|EXPIRY AS TAGGED|LEFT" : "*KEY|STORED|EXPIRY AS TAGGED");

	int exit = cli_pages(cli, args,
		&(struct cli_pages){
			.path = cli_client_path(cli, CLI_ADMIN "/tags", args->words[0], ""),
			.usual = usual_items,
			.item = add_member,
			.context = &tags,
			.grid = tags.grid,
			.none = "No key of this tag is visible: it has none, or the token's "
				"key_prefixes leave them out."});

	if (!exit && !cli->json && !cli_grid_rows(tags.grid))
		cli_known_say(cli, ":tags", args->words[0]);
	return exit;
}

int cli_tags(struct cli *cli, const struct cli_args *args)
{
	struct tags tags = {.cli = cli, .age_ms = -1};

	if (args->word_count && !args->words[0].n)
		return cli_say(CLI_USAGE, "a tag must not be empty");
	if (args->word_count)
		return list_members(cli, args);
	if (cli_args_flag(args, "left"))
		return cli_say(CLI_USAGE,
			"--left is about the keys of one tag: cachewarden tags TAG --left");
	tags.grid = cli_grid_new(cli, "*TAG|>KEYS|>GONE");
	int exit = cli_pages(cli, args,
		&(struct cli_pages){.path = CLI_ADMIN "/tags",
			.usual = usual_items,
			.item = add_tag,
			.page = see_walk,
			.context = &tags,
			.grid = tags.grid});

	if (exit || cli->json)
		return exit;
	if (cli_grid_rows(tags.grid))
		return cli_say_done(CLI_DONE,
			"Counted %s ago; GONE are keys that are not stored any more.",
			cli_cell_span(cli, tags.age_ms / 1000));
	return cli_say_done(CLI_DONE, tags.age_ms >= 0
					      ? "There are no tags."
					      : "The daemon has not looked for tags yet: it does "
						"so every cache.prune_every, a minute by default.");
}
