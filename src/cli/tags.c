/* SPDX-License-Identifier: MIT */
/* cachewarden tags. */
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/pages.h"
#include "cli/say.h"
#include "cli/view.h"

enum { usual_items = 1000 };

struct tags {
	struct cli *cli;
	struct cli_grid *grid;
	bool walked; /* the pruner has looked once */
};

static bool add_tag(void *context, struct json_value item)
{
	struct tags *tags = context;

	cli_grid_add(tags->grid, CLI_PLAIN, cli_cell_text(tags->cli, item, "tag"));
	cli_grid_add(tags->grid, CLI_PLAIN, cli_cell_count_at(tags->cli, item, "members"));
	cli_grid_add(tags->grid, CLI_PLAIN, cli_cell_count_at(tags->cli, item, "stale"));
	return true;
}

static void see_walk(void *context, struct json_value page)
{
	struct tags *tags = context;
	struct json_value walk;

	tags->walked |= cli_view(page, "walk", &walk);
}

static bool add_member(void *context, struct json_value item)
{
	struct tags *tags = context;
	bool exists = cli_view_true(item, "exists");

	cli_grid_add(tags->grid, CLI_PLAIN, cli_cell_text(tags->cli, item, "key"));
	cli_grid_add(tags->grid, exists ? CLI_PLAIN : CLI_DIM, exists ? "yes" : "no");
	cli_grid_add(tags->grid, CLI_PLAIN, cli_cell_when(tags->cli, item, "expires"));
	return true;
}

static int list_members(struct cli *cli, const struct cli_args *args)
{
	struct tags tags = {cli, cli_grid_new(cli, "*KEY|EXISTS|EXPIRES"), true};
	int exit = cli_pages(cli, args,
		&(struct cli_pages){
			.path = cli_client_path(cli, CLI_ADMIN "/tags", args->words[0], ""),
			.usual = usual_items,
			.item = add_member,
			.context = &tags,
			.grid = tags.grid});

	if (!exit && !cli->json && !cli_grid_rows(tags.grid))
		cli_say_done(0, "No key has this tag.");
	return exit;
}

int cli_tags(struct cli *cli, const struct cli_args *args)
{
	struct tags tags = {cli, NULL, false};

	if (args->word_count && !args->words[0].n)
		return cli_say(CLI_USAGE, "a tag must not be empty");
	if (args->word_count)
		return list_members(cli, args);
	tags.grid = cli_grid_new(cli, "*TAG|>MEMBERS|>STALE");
	int exit = cli_pages(cli, args,
		&(struct cli_pages){.path = CLI_ADMIN "/tags",
			.usual = usual_items,
			.item = add_tag,
			.page = see_walk,
			.context = &tags,
			.grid = tags.grid});

	if (!exit && !cli->json && !cli_grid_rows(tags.grid))
		cli_say_done(0, tags.walked ? "There are no tags."
					    : "The daemon has not looked for tags yet: it does so "
					      "every cache.prune_every, a minute by default.");
	return exit;
}
