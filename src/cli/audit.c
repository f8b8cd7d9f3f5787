/* SPDX-License-Identifier: MIT */
/* cachewarden audit. */
#include <string.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/moment.h"
#include "cli/pages.h"
#include "cli/say.h"
#include "cli/view.h"
#include "text/percent.h"

enum { usual_items = 20 };

struct audit_list {
	struct cli *cli;
	struct cli_grid *grid;
};

static enum cli_color color_of(struct json_value item)
{
	if (cli_view_is(item, "state", "refused") || cli_view_is(item, "state", "failed"))
		return CLI_BAD;
	return cli_view_is(item, "state", "intent") ? CLI_DIM : CLI_PLAIN;
}

/* "POST invalidate" of a request with what fills its route, "warm products" of an operation. */
static const char *what_of(struct cli *cli, struct json_value item)
{
	struct slice route = cli_view_text(cli, item, "route");
	struct json_iter names = cli_view_each(item, "names");
	struct slice job = cli_view_text(cli, item, "job");
	struct buf text = {0};

	if (!route.p) {
		struct json_iter operations = cli_view_each(item, "operations");

		if (json_next(&operations))
			job = cli_view_text(cli, operations.value, "job");
		buf_printf(&text, "%s%s%s", cli_cell_text(cli, item, "kind"), job.p ? " " : "",
			job.p ? job.p : "");
		return arena_take(&cli->arena, &text).p;
	}
	if (slice_starts(route, SLICE(CLI_ADMIN "/")))
		route = slice_skip(route, sizeof CLI_ADMIN);
	else if (slice_starts(route, SLICE("/api/v1/")))
		route = slice_skip(route, sizeof "/api/v1/" - 1);
	buf_printf(&text, "%s %s", cli_cell_text(cli, item, "method"), route.p);
	while (json_next(&names)) {
		buf_printf(&text, " %.*s=", (int)names.name.n, names.name.p);
		json_scalar(names.value, &text);
	}
	return arena_take(&cli->arena, &text).p;
}

/* How much: keys of an invalidation, rows of a run; NULL = it does not say. */
static const char *counts_of(struct cli *cli, struct json_value item)
{
	static const char *const counts[] = {"invalidated", "changed", "stored"};

	if (cli_view_true(item, "dry_run"))
		return cli_cell_format(
			cli, "dry run: %s match", cli_cell_count_at(cli, item, "matched"));
	if (cli_view_number(item, "softened", 0) > 0)
		return cli_cell_format(
			cli, "%s softened", cli_cell_count_at(cli, item, "softened"));
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		if (cli_view_number(item, counts[i], -1) >= 0)
			return cli_cell_format(
				cli, "%s %s", cli_cell_count_at(cli, item, counts[i]), counts[i]);
	return NULL;
}

/* Of a change what each of its operations did; else the error, or the status. */
static const char *outcome_of(struct cli *cli, struct json_value item)
{
	struct json_iter operations = cli_view_each(item, "operations");
	const char *own = counts_of(cli, item);
	struct buf text = {0};

	while (json_next(&operations)) {
		const char *counts = counts_of(cli, operations.value);

		if (counts)
			buf_printf(&text, "%s%s", text.n ? ", " : "", counts);
	}
	if (own || text.n)
		return own ? own : arena_take(&cli->arena, &text).p;
	struct slice code = cli_view_text(cli, item, "code");

	return code.p ? code.p : cli_cell_text(cli, item, "status");
}

static bool add(void *context, struct json_value item)
{
	struct audit_list *audit = context;
	struct cli *cli = audit->cli;

	cli_grid_add(audit->grid, CLI_PLAIN, cli_cell_text(cli, item, "time"));
	cli_grid_add(audit->grid, CLI_PLAIN, cli_cell_text(cli, item, "by"));
	cli_grid_add(audit->grid, CLI_PLAIN, cli_cell_text(cli, item, "address"));
	cli_grid_add(audit->grid, CLI_PLAIN, what_of(cli, item));
	cli_grid_add(audit->grid, color_of(item), cli_cell_text(cli, item, "state"));
	cli_grid_add(audit->grid, CLI_PLAIN, outcome_of(cli, item));
	cli_grid_add(audit->grid, CLI_PLAIN, cli_cell_text(cli, item, "note"));
	return true;
}

int cli_audit(struct cli *cli, const struct cli_args *args)
{
	static const char *const names[] = {"by", "state", "kind"};
	struct audit_list audit = {
		cli, cli_grid_new(cli, "TIME|BY|?FROM|*WHAT|STATE|OUTCOME|?*NOTE")};
	struct buf query = {0};

	buf_printf(&query, "&view=%s", cli_args_flag(args, "lines") ? "lines" : "changes");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = cli_args_text(args, names[i]);

		if (!value)
			continue;
		buf_printf(&query, "&%s=", names[i]);
		percent_encode(slice_str(value), PERCENT_UNRESERVED, &query);
	}
	bool ok = cli_moment_query(args, &query);
	const char *text = arena_take(&cli->arena, &query).p;

	if (!ok)
		return CLI_USAGE;
	int exit = cli_pages(cli, args,
		&(struct cli_pages){.path = CLI_ADMIN "/audit",
			.query = text,
			.usual = usual_items,
			.item = add,
			.context = &audit,
			.grid = audit.grid});

	if (!exit && !cli->json && !cli_grid_rows(audit.grid))
		cli_say_done(0, "There are no such changes.");
	return exit;
}
