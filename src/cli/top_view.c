/* SPDX-License-Identifier: MIT */
/* The screen of `cachewarden top`; see top_view.h. */
#include "cli/top_view.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/grid.h"
#include "cli/jobs.h"
#include "cli/ops.h"
#include "cli/view.h"

enum { label_columns = 11, value_columns = 11, min_spark = 5 };

static void top_series_add(struct top_series *series, double value)
{
	if (series->count == TOP_POINTS) {
		memmove(series->points, series->points + 1,
			(TOP_POINTS - 1) * sizeof *series->points);
		series->count--;
	}
	series->points[series->count++] = value;
}

void top_series_take(struct top_screen *screen, struct json_value stats, bool history)
{
	static const char *const paths[][2] = {
#define X(name, label, series, path, how) {"history/series/" series, path},
		TOP_FIGURES(X)
#undef X
	};

	for (size_t i = 0; i < TOP_FIGURE_COUNT; i++) {
		struct json_iter points = cli_view_each(stats, paths[i][0]);

		while (history && json_next(&points))
			top_series_add(
				&screen->series[i], cli_view_number(points.value, "", (double)NAN));
		if (!history)
			top_series_add(&screen->series[i],
				cli_view_number(stats, paths[i][1], (double)NAN));
	}
}

/* One row of the screen: what is beyond its columns is cut off. */
struct top_row {
	struct cli *cli;
	const struct top_screen *screen;
	struct buf *out;
	int used, rows;
};

static void put(struct top_row *row, enum cli_color color, const char *text)
{
	struct buf clean = {0};
	int left = row->screen->columns - row->used;

	cli_cell_clean(slice_str(text), &clean);
	if (left > 0 && clean.n) {
		struct slice shown = cli_cell_cut(row->cli, buf_slice(&clean), left);

		buf_str(row->out, cli_grid_begin(row->cli, color));
		buf_add(row->out, shown);
		buf_str(row->out, cli_grid_end(row->cli, color));
		row->used += cli_cell_width(shown);
	}
	buf_release(&clean);
}

/* In a column of its own, `>` = to the right. */
static void put_column(
	struct top_row *row, enum cli_color color, int columns, bool right, const char *text)
{
	struct buf clean = {0};

	cli_cell_clean(slice_str(text), &clean);
	struct slice shown = cli_cell_cut(row->cli, buf_slice(&clean), columns);
	const char *cell = cli_cell_format(row->cli, "%.*s", (int)shown.n, shown.n ? shown.p : "");
	int space = columns - cli_cell_width(shown);
	const char *pad = cli_cell_format(row->cli, "%*s", space > 0 ? space : 0, "");

	if (right)
		put(row, CLI_PLAIN, pad);
	put(row, color, cell);
	if (!right)
		put(row, CLI_PLAIN, pad);
	put(row, CLI_PLAIN, " ");
	buf_release(&clean);
}

static void end_row(struct top_row *row)
{
	buf_str(row->out, "\033[K\r\n");
	row->used = 0;
	row->rows++;
}

/* Levels between the lowest and the highest known point; a level line is low. */
static void put_spark(struct top_row *row, const struct top_series *series, bool from_zero)
{
	static const char *const bars[] = {
		"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
	int room = row->screen->columns - row->used;
	int begin = series->count > room ? series->count - room : 0;
	double low = from_zero ? 0 : (double)INFINITY, high = -(double)INFINITY;

	if (room < min_spark)
		return;
	for (int i = begin; i < series->count; i++) {
		low = series->points[i] < low ? series->points[i] : low;
		high = series->points[i] > high ? series->points[i] : high;
	}
	for (int i = begin; i < series->count; i++) {
		double point = series->points[i];
		double share = high > low ? (point - low) / (high - low) : 0;
		int level = isnan(point) ? -1 : (int)(share * 7.999);

		put(row, CLI_GOOD,
			level < 0	    ? " "
			: row->screen->utf8 ? bars[level]
					    : ascii[level]);
	}
}

static const struct {
	const char *label;
	const char *(*text)(struct cli *cli, double value);
} figures[TOP_FIGURE_COUNT] = {
#define X(name, label, series, path, how) {label, cli_cell_##how},
	TOP_FIGURES(X)
#undef X
};

static void draw_figures(struct top_row *row)
{
	int room = row->screen->columns - label_columns - 1;

	for (enum top_figure i = 0; i < TOP_FIGURE_COUNT; i++) {
		const struct top_series *series = &row->screen->series[i];
		double value = series->count ? series->points[series->count - 1] : (double)NAN;

		if (row->rows + 3 >= row->screen->lines)
			return;
		put_column(row, CLI_DIM, label_columns, false, figures[i].label);
		put_column(row, CLI_BOLD, room < value_columns ? room : value_columns, true,
			figures[i].text(row->cli, value));
		put_spark(row, series, i != TOP_MEMORY && i != TOP_KEYS && i != TOP_HIT_RATE);
		end_row(row);
	}
}

static void put_pause(struct top_row *row, struct json_value pauses)
{
	struct cli *cli = row->cli;
	struct json_value paused;

	if (!cli_view(pauses, "paused/warming", &paused)) {
		put(row, CLI_WARN, "  warming is paused");
		return;
	}
	put(row, CLI_WARN, cli_cell_format(cli, "  warming is %s", cli_jobs_pause(cli, paused)));
}

static void draw_head(struct top_row *row, const struct top_answers *answers)
{
	struct cli *cli = row->cli;
	struct json_value stats = answers->stats;
	bool up = cli_view_is(stats, "redis/status", "up");
	size_t firing = 0;
	struct json_iter alerts = cli_view_each(stats, "alerts");

	while (json_next(&alerts))
		firing += cli_view_is(alerts.value, "state", "firing");
	put(row, CLI_BOLD, cli_cell_text(cli, stats, "name"));
	put(row, CLI_PLAIN, "  redis ");
	put(row, up ? CLI_GOOD : CLI_BAD, cli_cell_text(cli, stats, "redis/status"));
	put(row, CLI_PLAIN,
		cli_cell_format(cli, " %s", cli_cell_text(cli, stats, "redis/version")));
	if (firing)
		put(row, CLI_BAD, cli_cell_format(cli, "  alerts firing: %zu", firing));
	if (cli_view_true(stats, "warming/paused"))
		put_pause(row, answers->pauses);
	if (row->screen->paused)
		put(row, CLI_WARN, "  [paused]");
	end_row(row);
	if (row->screen->trouble) {
		put(row, CLI_BAD, row->screen->trouble);
		end_row(row);
	}
}

static void draw_job(struct top_row *row, struct json_value job)
{
	struct cli *cli = row->cli;
	struct json_value run = {JSON_NULL, {"null", 4}};

	cli_view(job, "last_run", &run);
	put_column(row, CLI_PLAIN, 20, false, cli_cell_text(cli, job, "name"));
	put_column(row, cli_jobs_color(run), 11, false, cli_cell_text(cli, run, "state"));
	put_column(row, CLI_PLAIN, 9, true, cli_jobs_stored(cli, run));
	put_column(row, CLI_PLAIN, 7, true, cli_jobs_took(cli, run));
	put_column(row, CLI_PLAIN, 12, false, cli_cell_when(cli, run, "started"));
	put(row, CLI_PLAIN, cli_cell_when(cli, job, "next_run"));
}

/* Why the last run of a job failed, on a line of its own: it is a sentence. */
static const char *job_note(struct cli *cli, struct json_value job)
{
	struct json_value run;
	const char *error = cli_view(job, "last_run", &run) ? cli_jobs_error(cli, run) : "-";

	return strcmp(error, "-") == 0 ? NULL : cli_cell_format(cli, "  %s", error);
}

static void draw_operation(struct top_row *row, struct json_value operation)
{
	struct cli *cli = row->cli;

	put_column(row, CLI_PLAIN, 20, false, cli_cell_text(cli, operation, "operation_id"));
	put_column(
		row, cli_jobs_color(operation), 11, false, cli_cell_text(cli, operation, "state"));
	put_column(row, CLI_PLAIN, 9, true, cli_ops_done(cli, operation));
	put_column(row, CLI_PLAIN, 7, true, cli_jobs_took(cli, operation));
	put_column(row, CLI_PLAIN, 12, false, cli_cell_when(cli, operation, "started"));
	put_column(row, CLI_PLAIN, 12, false,
		cli_view_true(operation, "result/dry_run") ? "dry run"
							   : cli_cell_text(cli, operation, "kind"));
	put(row, CLI_PLAIN, cli_cell_text(cli, operation, "note"));
}

static void draw_node(struct top_row *row, struct json_value node)
{
	struct cli *cli = row->cli;
	bool up = cli_view_is(node, "status", "up");

	put_column(row, CLI_PLAIN, 24, false, cli_cell_text(cli, node, "name"));
	put_column(row, up ? CLI_GOOD : CLI_BAD, 8, false, cli_cell_text(cli, node, "status"));
	put_column(row, CLI_PLAIN, 7, false, cli_cell_text(cli, node, "role"));
	put_column(row, CLI_PLAIN, 10, true, cli_cell_count_at(cli, node, "keys"));
	put_column(row, CLI_PLAIN, 10, true, cli_cell_bytes_at(cli, node, "used_bytes"));
	put(row, CLI_PLAIN, cli_cell_text(cli, node, "last_error"));
}

static void draw_alert(struct top_row *row, struct json_value alert)
{
	struct cli *cli = row->cli;
	bool firing = cli_view_is(alert, "state", "firing");

	put_column(row, CLI_PLAIN, 24, false, cli_cell_text(cli, alert, "alert"));
	put_column(row, firing ? CLI_BAD : CLI_WARN, 9, false, cli_cell_text(cli, alert, "state"));
	put_column(row, CLI_PLAIN, 9, false, cli_cell_text(cli, alert, "severity"));
	put_column(row, CLI_PLAIN, 10, true, cli_cell_real_at(cli, alert, "value"));
	put(row, CLI_PLAIN, cli_cell_when(cli, alert, "since"));
}

static const struct {
	const char *name, *titles, *path;
	void (*draw)(struct top_row *row, struct json_value item);
	const char *(*note)(struct cli *cli, struct json_value item); /* a second line, or NULL */
} lists[TOP_LIST_COUNT] = {
	[TOP_JOBS] = {"jobs",
		"JOB                  STATE          STORED    TOOK STARTED      NEXT RUN",
		"warming/jobs", draw_job, job_note},
	[TOP_OPERATIONS] = {"operations",
		"OPERATION            STATE            DONE    TOOK STARTED      KIND         NOTE",
		"items", draw_operation, NULL},
	[TOP_NODES] = {"nodes",
		"NODE                     STATUS   ROLE          KEYS     MEMORY ERROR",
		"redis/nodes", draw_node, NULL},
	[TOP_ALERTS] = {"alerts", "ALERT                    STATE     SEVERITY       VALUE SINCE",
		"alerts", draw_alert, NULL},
};

static const char *note_of(struct cli *cli, enum top_list list, struct json_value item)
{
	return lists[list].note ? lists[list].note(cli, item) : NULL;
}

/* The first row that is shown: down to where the last one is the only one, if not all have room. */
static void limit_scroll(
	struct cli *cli, struct top_screen *screen, struct json_value from, int room)
{
	struct json_iter items = cli_view_each(from, lists[screen->list].path);
	int count = 0, height = 0;

	for (; json_next(&items); count++)
		height += note_of(cli, screen->list, items.value) ? 2 : 1;
	int most = height == count ? count - room : height > room ? count - 1 : 0;

	if (screen->scroll > most)
		screen->scroll = most;
	if (screen->scroll < 0)
		screen->scroll = 0;
}

static void draw_item(struct top_row *row, enum top_list list, struct json_value item)
{
	const char *note = note_of(row->cli, list, item);

	lists[list].draw(row, item);
	end_row(row);
	if (!note || row->rows + 1 >= row->screen->lines)
		return;
	put(row, CLI_BAD, note);
	end_row(row);
}

static void draw_list(struct top_row *row, struct top_screen *screen, struct json_value from)
{
	struct json_iter items = cli_view_each(from, lists[screen->list].path);

	for (int i = 0; i < TOP_LIST_COUNT; i++) {
		put(row, i == (int)screen->list ? CLI_BOLD : CLI_DIM,
			cli_cell_format(
				row->cli, i == (int)screen->list ? "[%s] " : "%s ", lists[i].name));
	}
	end_row(row);
	put(row, CLI_DIM, lists[screen->list].titles);
	end_row(row);
	limit_scroll(row->cli, screen, from, screen->lines - row->rows - 1);
	for (int i = 0; json_next(&items); i++)
		if (i >= screen->scroll && row->rows + 1 < screen->lines)
			draw_item(row, screen->list, items.value);
}

void top_view_draw(struct cli *cli, struct top_screen *screen, const struct top_answers *answers,
	struct buf *out)
{
	struct top_row row = {.cli = cli, .screen = screen, .out = out};

	buf_str(out, "\033[H");
	draw_head(&row, answers);
	draw_figures(&row);
	if (row.rows + 3 < screen->lines)
		draw_list(&row, screen,
			screen->list == TOP_OPERATIONS ? answers->operations : answers->stats);
	while (row.rows + 1 < screen->lines)
		end_row(&row);
	put(&row, CLI_DIM, "q quit  p pause  up, down: scroll  left, right: lists");
	buf_str(out, "\033[K\033[J");
}
