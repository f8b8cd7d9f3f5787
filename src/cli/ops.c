/* SPDX-License-Identifier: MIT */
/* cachewarden ops. */
#include <math.h>
#include <stdio.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/jobs.h"
#include "cli/moment.h"
#include "cli/ops.h"
#include "cli/quote.h"
#include "cli/say.h"
#include "cli/view.h"
#include "text/percent.h"

static bool is_nothing(struct json_value value)
{
	if (value.type != JSON_ARRAY && value.type != JSON_OBJECT)
		return false;
	struct json_iter parts = json_iterate(value);

	return !json_next(&parts);
}

/* Of a list of errors their sentences, with the row that each is about. */
static bool add_errors(struct json_value list, struct buf *out)
{
	struct json_iter parts = json_iterate(list);
	struct json_value detail, row;
	size_t before = out->n;

	while (json_next(&parts)) {
		if (!cli_view(parts.value, "detail", &detail))
			break;
		buf_str(out, out->n > before ? "; " : "");
		if (cli_view(parts.value, "row", &row)) {
			buf_str(out, "row ");
			json_scalar(row, out);
			buf_str(out, ": ");
		}
		json_scalar(detail, out);
	}
	return out->n > before;
}

static void add_text(struct json_value value, struct buf *out)
{
	if (value.type != JSON_ARRAY || !add_errors(value, out))
		json_scalar(value, out);
}

/* "duration_ms" and 82.4 as "duration" and "82ms": numbers with their units. */
static void add_number(
	struct cli *cli, struct slice *name, struct json_value value, struct buf *out)
{
	double number = cli_view_number(value, "", (double)NAN);

	if (slice_ends(*name, SLICE("_ms"))) {
		name->n -= 3;
		buf_str(out, cli_cell_span(cli, number / 1000));
	} else if (slice_ends(*name, SLICE("_seconds"))) {
		name->n -= sizeof "_seconds" - 1;
		buf_str(out, cli_cell_span(cli, number));
	} else if (slice_ends(*name, SLICE("ratio"))) {
		buf_str(out, cli_cell_ratio(cli, number));
	} else if (slice_ends(*name, SLICE("bytes"))) {
		buf_str(out, cli_cell_bytes(cli, number));
	} else {
		buf_str(out, cli_cell_count(cli, number));
	}
}

static void add_pairs(
	struct cli *cli, struct cli_grid *grid, const char *prefix, struct json_value value)
{
	struct json_iter members = json_iterate(value);

	while (json_next(&members)) {
		struct buf label = {0}, text = {0};

		if (members.value.type == JSON_NULL || is_nothing(members.value))
			continue;
		struct slice name = members.name;

		if (members.value.type == JSON_NUMBER)
			add_number(cli, &name, members.value, &text);
		else
			add_text(members.value, &text);
		buf_printf(&label, "%s%.*s", prefix, (int)name.n, name.p);
		cli_grid_add_slice(grid, CLI_DIM, buf_slice(&label));
		cli_grid_add_slice(grid, CLI_PLAIN, buf_slice(&text));
		buf_release(&label);
		buf_release(&text);
	}
}

/* An empty segment would name the list of operations. */
static bool is_id(struct slice id)
{
	if (!id.n)
		cli_say(CLI_USAGE,
			"the id of an operation must not be empty: cachewarden ops lists "
			"them");
	return id.n != 0;
}

static int show(struct cli *cli, struct slice id)
{
	struct cli_answer answer;
	int exit =
		cli_client_get(cli, cli_client_path(cli, CLI_ADMIN "/operations", id, ""), &answer);

	if (exit || cli->json)
		return exit;
	struct cli_grid *grid = cli_grid_new(cli, "=|=");
	struct json_iter members = json_iterate(answer.json);

	while (json_next(&members)) {
		struct slice name = arena_slice(&cli->arena, members.name);
		struct buf text = {0};

		if (members.value.type == JSON_OBJECT) {
			add_pairs(cli, grid, cli_cell_format(cli, "%s.", name.p), members.value);
			continue;
		}
		json_scalar(members.value, &text);
		cli_grid_add_slice(grid, CLI_DIM, name);
		cli_grid_add_slice(grid,
			slice_is(name, "state") ? cli_jobs_color(answer.json) : CLI_PLAIN,
			members.value.type == JSON_NULL ? SLICE("-") : buf_slice(&text));
		buf_release(&text);
	}
	cli_grid_print(grid);
	return CLI_DONE;
}

static void add_query(struct buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(path, "&%s=", name);
	percent_encode(slice_str(value), PERCENT_UNRESERVED, path);
}

static const char *list_path(struct cli *cli, const struct cli_args *args)
{
	static const char *const names[] = {"state", "kind", "by"};
	struct buf path = {0};
	int64_t limit = 20;

	if (!cli_args_int(args, "limit", 1, 1000, &limit))
		return NULL;
	buf_printf(&path, CLI_ADMIN "/operations?limit=%d", (int)limit);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		add_query(&path, names[i], cli_args_text(args, names[i]));
	if (cli_args_flag(args, "no-dry-runs"))
		buf_str(&path, "&dry_run=false");
	bool ok = cli_moment_query(args, &path);
	const char *text = arena_take(&cli->arena, &path).p;

	return ok ? text : NULL;
}

/* "product:*" or "product:* and 2 more": what an operation that has ended was about. */
static const char *selectors_of(struct cli *cli, struct json_value operation)
{
	struct json_iter selectors = cli_view_each(operation, "result/selectors");
	size_t count = 0;
	const char *first = "";

	while (json_next(&selectors)) {
		/* Rules are what the others have brought along. */
		if (cli_view_is(selectors.value, "kind", "dependency"))
			continue;
		if (!count++)
			first = cli_cell_text(cli, selectors.value, "value");
	}
	return count > 1 ? cli_cell_format(cli, "%s and %zu more", first, count - 1) : first;
}

const char *cli_ops_what(struct cli *cli, struct json_value operation)
{
	struct slice job = cli_view_text(cli, operation, "job");
	const char *kind = cli_cell_text(cli, operation, "kind");

	if (job.p)
		return cli_cell_format(cli, "%s %s", kind, job.p);
	bool dry_run =
		cli_view_true(operation, "dry_run") || cli_view_true(operation, "result/dry_run");
	const char *selectors = selectors_of(cli, operation);

	/* In front, where it is not cut off. */
	return cli_cell_format(cli, "%s%s%s%s", dry_run ? "dry run: " : "", kind,
		*selectors ? " " : "", selectors);
}

const char *cli_ops_done(struct cli *cli, struct json_value operation)
{
	static const char *const results[] = {
		"result/invalidated", "result/softened", "result/changed"};
	double sum = 0, one;
	bool known = false;

	for (size_t i = 0; i < sizeof results / sizeof *results; i++)
		if (cli_view_real(operation, results[i], &one)) {
			sum += one;
			known = true;
		}
	if (known)
		return cli_cell_count(cli, sum);
	return cli_view_text(cli, operation, "finished").p
		       ? cli_jobs_stored(cli, operation)
		       : cli_cell_count_at(cli, operation, "progress/done");
}

static void add(struct cli *cli, struct cli_grid *grid, struct json_value operation)
{
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, operation, "operation_id"));
	cli_grid_add(grid, CLI_PLAIN, cli_ops_what(cli, operation));
	cli_grid_add(grid, cli_jobs_color(operation), cli_cell_text(cli, operation, "state"));
	cli_grid_add(grid, CLI_PLAIN, cli_ops_done(cli, operation));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, operation, "started"));
	cli_grid_add(grid, CLI_PLAIN, cli_jobs_took(cli, operation));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, operation, "by"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, operation, "note"));
}

int cli_ops(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;

	if (args->word_count && args->given_count &&
		(cli_args_text(args, "state") || cli_args_text(args, "kind") ||
			cli_args_text(args, "by") || cli_args_text(args, "since") ||
			cli_args_text(args, "until") || cli_args_flag(args, "no-dry-runs")))
		return cli_say(CLI_USAGE,
			"one operation is named by its id alone, without --state, "
			"--kind, --by, --since, --until or --no-dry-runs");
	if (args->word_count)
		return is_id(args->words[0]) ? show(cli, args->words[0]) : CLI_USAGE;
	const char *path = list_path(cli, args);
	int exit = path ? cli_client_get(cli, path, &answer) : CLI_USAGE;

	if (exit || cli->json)
		return exit;
	struct cli_grid *grid =
		cli_grid_new(cli, "OPERATION|*WHAT|STATE|>DONE|STARTED|?1>TOOK|?2BY|*NOTE");
	struct json_iter items = cli_view_each(answer.json, "items");

	while (json_next(&items))
		add(cli, grid, items.value);
	cli_grid_print(grid);
	if (!cli_grid_rows(grid))
		cli_say_done(0, "There are no such operations.");
	else if (cli_view_text(cli, answer.json, "next").p)
		cli_say_done(0, "There are more: --limit or --since shows them.");
	return CLI_DONE;
}

int cli_ops_cancel(struct cli *cli, const struct cli_args *args)
{
	const char *note = cli_args_text(args, "note");
	struct cli_answer answer;
	struct buf body = {0};

	if (!is_id(args->words[0]))
		return CLI_USAGE;
	buf_str(&body, "{");
	bool ok = true;

	if (note) {
		buf_str(&body, "\"note\":");
		ok = cli_quote(&body, "note", slice_str(note));
	}
	buf_str(&body, "}");
	struct slice text = arena_take(&cli->arena, &body);

	if (!ok)
		return CLI_USAGE;
	int exit = cli_client_json(cli,
		&(struct cli_request){.method = "DELETE",
			.path = cli_client_path(cli, CLI_ADMIN "/operations", args->words[0], ""),
			.body = text},
		&answer);

	return exit ? exit : cli_say_done(CLI_DONE, "The operation is being cancelled.");
}
