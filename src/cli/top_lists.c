/* SPDX-License-Identifier: MIT */
/*
 * The lists of `cachewarden top`; see top_lists.h.
 *
 * What is left out first in a narrow window is what the command line shows elsewhere: ids, counts,
 * times of the past. Names, states and what comes next stay.
 */
#include "cli/top_lists.h"

#include <string.h>

#include "cli/cell.h"
#include "cli/grid.h"
#include "cli/jobs.h"
#include "cli/ops.h"
#include "cli/view.h"

const char *const top_list_names[TOP_LIST_COUNT] = {
	[TOP_JOBS] = "jobs",
	[TOP_OPERATIONS] = "operations",
	[TOP_NODES] = "nodes",
	[TOP_ALERTS] = "alerts",
};

static void add_job(struct cli *cli, struct cli_grid *grid, struct json_value job)
{
	struct json_value run = {JSON_NULL, {"null", 4}};

	cli_view(job, "last_run", &run);
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, job, "name"));
	cli_grid_add(grid, cli_jobs_color(run), cli_cell_text(cli, run, "state"));
	cli_grid_add(grid, CLI_PLAIN, cli_jobs_stored(cli, run));
	cli_grid_add(grid, CLI_PLAIN, cli_jobs_took(cli, run));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, run, "started"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, job, "next_run"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, job, "last_success"));
}

/* Why the last run of a job failed or was missed, on lines of its own: it is a sentence. */
static const char *job_note(struct cli *cli, struct json_value job)
{
	struct json_value run;
	const char *error = cli_view(job, "last_run", &run) ? cli_jobs_error(cli, run) : "-";
	const char *missed = cli_jobs_missed(cli, job);

	if (missed)
		return missed;
	return strcmp(error, "-") == 0 ? NULL : error;
}

static void add_operation(struct cli *cli, struct cli_grid *grid, struct json_value operation)
{
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, operation, "operation_id"));
	cli_grid_add(grid, CLI_PLAIN, cli_ops_what(cli, operation));
	cli_grid_add(grid, cli_jobs_color(operation), cli_cell_text(cli, operation, "state"));
	cli_grid_add(grid, CLI_PLAIN, cli_ops_done(cli, operation));
	cli_grid_add(grid, CLI_PLAIN, cli_jobs_took(cli, operation));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, operation, "started"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, operation, "by"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, operation, "note"));
}

static void add_node(struct cli *cli, struct cli_grid *grid, struct json_value node)
{
	bool up = cli_view_is(node, "status", "up");

	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, node, "name"));
	cli_grid_add(grid, up ? CLI_GOOD : CLI_BAD, cli_cell_text(cli, node, "status"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, node, "role"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_count_at(cli, node, "slots"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_count_at(cli, node, "keys"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_bytes_at(cli, node, "used_bytes"));
}

static const char *node_note(struct cli *cli, struct json_value node)
{
	return cli_view_text(cli, node, "last_error").p;
}

static void add_alert(struct cli *cli, struct cli_grid *grid, struct json_value alert)
{
	bool firing = cli_view_is(alert, "state", "firing");

	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, alert, "alert"));
	cli_grid_add(grid, firing ? CLI_BAD : CLI_WARN, cli_cell_text(cli, alert, "state"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, alert, "severity"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_real_at(cli, alert, "value"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_real_at(cli, alert, "threshold"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, alert, "since"));
}

static const struct {
	const char *titles, *path;
	void (*add)(struct cli *cli, struct cli_grid *grid, struct json_value item);
	const char *(*note)(struct cli *cli, struct json_value item); /* or NULL */
} lists[TOP_LIST_COUNT] = {
	[TOP_JOBS] = {"*JOB|STATE|?2>STORED|?3>TOOK|?4STARTED|?9NEXT RUN|?1LAST SUCCESS",
		"warming/jobs", add_job, job_note},
	[TOP_OPERATIONS] = {"?4OPERATION|*WHAT|STATE|?5>DONE|?2>TOOK|?9STARTED|?1BY|?3*NOTE",
		"items", add_operation, NULL},
	[TOP_NODES] = {"*NODE|STATUS|?2ROLE|?1>SLOTS|?3>KEYS|?4>MEMORY", "redis/nodes", add_node,
		node_note},
	[TOP_ALERTS] = {"*ALERT|STATE|?2SEVERITY|?3>VALUE|?1>LIMIT|?9SINCE", "alerts", add_alert,
		NULL},
};

/* Clean, so that its columns can be counted. */
static const char *note_of(struct cli *cli, enum top_list list, struct json_value item)
{
	const char *note = lists[list].note ? lists[list].note(cli, item) : NULL;
	struct buf clean = {0};

	if (!note)
		return NULL;
	cli_cell_clean(slice_str(note), &clean);
	return arena_take(&cli->arena, &clean).p;
}

struct top_rows top_list_rows(
	struct cli *cli, enum top_list list, struct json_value answer, int columns)
{
	struct cli_grid *grid = cli_grid_new(cli, lists[list].titles);
	struct json_iter items = cli_view_each(answer, lists[list].path);
	size_t most = cli_view_length(answer, lists[list].path);
	struct top_rows rows = {.notes = arena_alloc(&cli->arena, (most + 1) * sizeof *rows.notes)};

	while (json_next(&items)) {
		lists[list].add(cli, grid, items.value);
		rows.notes[rows.count++] = note_of(cli, list, items.value);
	}
	rows.lines = cli_grid_lines(grid, columns);
	return rows;
}
