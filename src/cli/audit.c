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

/* A route with what fills its places: "cache/keys/{key}" and key=a:1 as "cache/keys/a:1". */
static void add_route(struct cli *cli, struct slice route, struct json_value item, struct buf *out)
{
	while (route.n) {
		const char *end = route.p[0] == '{' ? memchr(route.p, '}', route.n) : NULL;

		if (!end) {
			buf_char(out, route.p[0]);
			route = slice_skip(route, 1);
			continue;
		}
		int n = (int)(end - route.p) - 1;
		const char *path = cli_cell_format(cli, "names/%.*s", n, route.p + 1);

		buf_str(out, cli_cell_text(cli, item, path));
		route = slice_skip(route, (size_t)n + 2);
	}
}

/* "invalidate tag red", "PUT cache/keys/a:1" of a request, "warm products" of an operation. */
static const char *what_of(struct cli *cli, struct json_value item)
{
	struct slice route = cli_view_text(cli, item, "route");
	struct slice job = cli_view_text(cli, item, "job");
	struct json_iter operations = cli_view_each(item, "operations");
	struct buf text = {0};
	struct slice target = cli_view_text(cli, item, "target");
	bool post = cli_view_is(item, "method", "POST");
	bool admin = slice_starts(route, SLICE(CLI_ADMIN "/"));

	if (target.n && (!route.p || (admin && post && !memchr(route.p, '{', route.n))))
		return cli_cell_format(cli, "%s %s",
			route.p ? route.p + sizeof CLI_ADMIN : cli_cell_text(cli, item, "kind"),
			target.p);
	/* Lines of older daemons have no target. */
	if (!route.p) {
		if (json_next(&operations))
			job = cli_view_text(cli, operations.value, "job");
		buf_printf(&text, "%s%s%s", cli_cell_text(cli, item, "kind"), job.p ? " " : "",
			job.p ? job.p : "");
		return arena_take(&cli->arena, &text).p;
	}
	if (admin)
		route = slice_skip(route, sizeof CLI_ADMIN);
	else if (slice_starts(route, SLICE("/api/v1/")))
		route = slice_skip(route, sizeof "/api/v1/" - 1);
	/* Commands are called by their names alone. */
	if (!admin || !post || memchr(route.p, '{', route.n))
		buf_printf(&text, "%s ", cli_cell_text(cli, item, "method"));
	add_route(cli, route, item, &text);
	return arena_take(&cli->arena, &text).p;
}

/* How much: keys of an invalidation, rows of a run; false = it does not say. */
static bool add_counts(struct cli *cli, struct json_value item, struct buf *out)
{
	static const char *const counts[][2] = {{"invalidated", "removed"}, {"changed", "changed"},
		{"stored", "stored"}, {"softened", "softened"},
		{"removed_instead", "REMOVED INSTEAD"}};
	size_t before = out->n;

	if (cli_view_true(item, "dry_run")) {
		/* A request has asked for it, and its operation knows the figure. */
		if (cli_view_number(item, "matched", -1) < 0)
			return false;
		buf_printf(out, "dry run: %s match", cli_cell_count_at(cli, item, "matched"));
		return true;
	}
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		double count = cli_view_number(item, counts[i][0], -1);

		/* Of those that are 0 the first, if there is nothing else. */
		if (count > 0)
			buf_printf(out, "%s%s %s", out->n > before ? ", " : "",
				cli_cell_count(cli, count), counts[i][1]);
	}
	for (size_t i = 0; out->n == before && i < sizeof counts / sizeof *counts; i++)
		if (cli_view_number(item, counts[i][0], -1) == 0)
			buf_printf(out, "0 %s", counts[i][1]);
	return out->n > before;
}

/* Its own counts or those of its operations; else why not: the code of an error. */
static void add_what_came(struct cli *cli, struct json_value item, struct buf *out)
{
	struct json_iter operations = cli_view_each(item, "operations");
	struct slice code = cli_view_text(cli, item, "code");
	bool several = cli_view_length(item, "operations") > 1;
	size_t before = out->n;

	if (add_counts(cli, item, out))
		return;
	while (json_next(&operations)) {
		struct buf counts = {0};

		if (add_counts(cli, operations.value, &counts)) {
			struct slice job = cli_view_text(cli, operations.value, "job");

			buf_printf(out, "%s%s%s%s", out->n > before ? "; " : "",
				several && job.n ? job.p : "", several && job.n ? " " : "",
				counts.p);
		}
		buf_release(&counts);
	}
	if (out->n > before)
		return;
	if (cli_view_true(item, "dry_run"))
		buf_printf(out, "dry run%s", code.p ? ": " : "");
	if (code.p)
		buf_str(out, code.p);
}

/* "1,234 removed", "failed: 0 stored", "refused: unauthorized", "completed" */
static const char *outcome_of(struct cli *cli, struct json_value item)
{
	const char *state = cli_cell_text(cli, item, "state");
	struct buf text = {0}, came = {0};

	add_what_came(cli, item, &came);
	if (!came.n || strcmp(state, "completed") != 0)
		buf_printf(&text, "%s%s", state, came.n ? ": " : "");
	buf_add(&text, buf_slice(&came));
	buf_release(&came);
	return arena_take(&cli->arena, &text).p;
}

/* Without the fraction of the second: "2026-12-01T10:19:04Z". */
static const char *time_of(struct cli *cli, struct json_value item)
{
	const char *text = cli_cell_text(cli, item, "time");

	return cli_cell_format(
		cli, "%.*s%s", (int)strcspn(text, "."), text, strchr(text, '.') ? "Z" : "");
}

static bool add(void *context, struct json_value item)
{
	struct audit_list *audit = context;
	struct cli *cli = audit->cli;

	cli_grid_add(audit->grid, CLI_PLAIN, time_of(cli, item));
	cli_grid_add(audit->grid, CLI_PLAIN, cli_cell_text(cli, item, "by"));
	cli_grid_add(audit->grid, CLI_PLAIN, cli_cell_text(cli, item, "address"));
	cli_grid_add(audit->grid, CLI_PLAIN, what_of(cli, item));
	cli_grid_add(audit->grid, color_of(item), outcome_of(cli, item));
	cli_grid_add(audit->grid, CLI_PLAIN, cli_cell_text(cli, item, "note"));
	return true;
}

int cli_audit(struct cli *cli, const struct cli_args *args)
{
	static const char *const names[] = {"by", "state", "kind"};
	struct audit_list audit = {cli, cli_grid_new(cli, "TIME|?3BY|?1FROM|*WHAT|*OUTCOME|*NOTE")};
	struct buf query = {0};

	buf_printf(&query, "&view=%s", cli_args_flag(args, "lines") ? "lines" : "changes");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = cli_args_text(args, names[i]);

		if (!value)
			continue;
		buf_printf(&query, "&%s=", names[i]);
		percent_encode(slice_str(value), PERCENT_UNRESERVED, &query);
	}
	if (cli_args_flag(args, "no-dry-runs"))
		buf_str(&query, "&dry_run=false");
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
