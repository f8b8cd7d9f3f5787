/* SPDX-License-Identifier: MIT */
/* cachewarden deps. */
#include <stdio.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/pages.h"
#include "cli/quote.h"
#include "cli/say.h"
#include "cli/view.h"

enum { usual_items = 1000 };

struct deps {
	struct cli *cli;
	struct cli_grid *grid;
};

static bool add_key(void *context, struct json_value item)
{
	struct deps *deps = context;

	cli_grid_add(deps->grid, CLI_PLAIN, cli_cell_key(deps->cli, item, "key"));
	cli_grid_add(deps->grid, CLI_PLAIN, cli_cell_count_at(deps->cli, item, "dependents"));
	cli_grid_add(deps->grid, CLI_PLAIN, cli_cell_span_at(deps->cli, item, "ttl"));
	return true;
}

static int list(struct cli *cli, const struct cli_args *args)
{
	struct deps deps = {cli, cli_grid_new(cli, "*KEY|>DEPENDENTS|>FORGOTTEN IN")};

	return cli_pages(cli, args,
		&(struct cli_pages){.path = CLI_ADMIN "/dependencies",
			.usual = usual_items,
			.item = add_key,
			.context = &deps,
			.grid = deps.grid,
			.none = "No key has stored dependents; the rules are shown for a key."});
}

/* Appends "name":[...] of an option; false after saying what is wrong. */
static bool add_names(const struct cli_args *args, const char *name, struct buf *out)
{
	size_t at = 0, count = 0;
	const char *text;
	bool ok = true;

	while (ok && (text = cli_args_next(args, name, &at)) != NULL) {
		if (!count++)
			buf_printf(out, "%s\"%s\":[", out->n > 1 ? "," : "", name);
		else
			buf_char(out, ',');
		ok = cli_quote(out, "dependent", slice_str(text));
	}
	if (count)
		buf_char(out, ']');
	return ok;
}

static void show(struct cli *cli, struct json_value answer)
{
	struct cli_grid *grid = cli_grid_new(cli, "*INVALIDATED WITH IT|BY");
	struct json_iter names = cli_view_each(answer, "dependents");
	const char *stored = cli_view_join(cli, answer, "stored/dependents");

	while (json_next(&names)) {
		struct buf name = {0};
		struct json_iter kept = cli_view_each(answer, "stored/dependents");
		bool is_stored = false;

		json_scalar(names.value, &name);
		while (json_next(&kept))
			is_stored |= slice_equal(kept.value.text, names.value.text);
		cli_grid_add_slice(grid, CLI_PLAIN, buf_slice(&name));
		cli_grid_add(grid, CLI_PLAIN, is_stored ? "stored" : "rule");
		buf_release(&name);
	}
	const char *patterns = cli_view_join(cli, answer, "patterns");

	cli_grid_print(grid);
	if (patterns)
		printf("and all keys that match %s\n", patterns);
	if (cli_view_true(answer, "truncated"))
		cli_say_done(0, "There are more than 1,000.");
	if (!cli_grid_rows(grid) && !patterns && !stored)
		cli_say_done(0, "Nothing depends on this key.");
}

int cli_deps(struct cli *cli, const struct cli_args *args)
{
	bool changes = cli_args_text(args, "add") || cli_args_text(args, "remove");
	bool transitive = cli_args_flag(args, "transitive");
	struct cli_answer answer;
	struct buf body = {0};

	if (!args->word_count && (changes || transitive))
		return cli_say(
			CLI_USAGE, "the key is missing: cachewarden deps KEY --add DEPENDENT");
	if (changes && transitive)
		return cli_say(
			CLI_USAGE, "--transitive only looks; --add and --remove change something");
	if (!args->word_count)
		return list(cli, args);
	if (!args->words[0].n)
		return cli_say(CLI_USAGE, "a key must not be empty");
	struct cli_request request = {
		.path = cli_client_path(cli, CLI_ADMIN "/dependencies", args->words[0],
			transitive ? "?transitive=true" : "")};

	buf_char(&body, '{');
	bool ok = add_names(args, "add", &body) && add_names(args, "remove", &body) &&
		  (!changes || cli_quote_member(&body, "note", cli_args_text(args, "note")));

	buf_char(&body, '}');
	struct slice text = arena_take(&cli->arena, &body);

	if (!ok)
		return CLI_USAGE;
	if (changes) {
		request.method = "POST";
		request.body = text;
	}
	int exit = cli_client_json(cli, &request, &answer);

	if (!exit && !cli->json)
		show(cli, answer.json);
	return exit;
}
