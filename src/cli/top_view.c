/* SPDX-License-Identifier: MIT */
/* The screen of `cachewarden top`; see top_view.h. */
#include "cli/top_view.h"

#include <math.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/grid.h"
#include "cli/jobs.h"
#include "cli/view.h"

enum {
	label_columns = 11,
	value_columns = 11,
	min_spark = 5,
	two_figures = 140, /* columns from which on two figures stand in a row */
	max_note_lines = 3,
	note_indent = 2,
};

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

/* At most so many columns of the row that is being written. */
static void put_within(struct top_row *row, enum cli_color color, const char *text, int columns)
{
	struct buf clean = {0};
	int left = row->screen->columns - row->used;

	left = columns < left ? columns : left;
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

static void put(struct top_row *row, enum cli_color color, const char *text)
{
	put_within(row, color, text, row->screen->columns);
}

/* Blanks up to a column. */
static void put_blanks(struct top_row *row, int column)
{
	if (column > row->used)
		put(row, CLI_PLAIN, cli_cell_format(row->cli, "%*s", column - row->used, ""));
}

static void end_row(struct top_row *row)
{
	buf_str(row->out, "\033[K\r\n");
	row->used = 0;
	row->rows++;
}

/* Whether there is room for so many rows more, above the last one of the screen. */
static bool has_room(const struct top_row *row, int rows)
{
	return row->rows + rows < row->screen->lines;
}

/* Levels between the lowest and the highest known point; a level line is low. */
static void put_spark(
	struct top_row *row, const struct top_series *series, bool from_zero, int room)
{
	static const char *const bars[] = {
		"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
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

/* In so many columns from where the row has got to. */
static void put_figure(struct top_row *row, enum top_figure figure, int columns)
{
	const struct top_series *series = &row->screen->series[figure];
	double value = series->count ? series->points[series->count - 1] : (double)NAN;
	const char *text = figures[figure].text(row->cli, value);
	int begin = row->used, room = columns - label_columns - 1;
	int width = room < value_columns ? room : value_columns;

	put_within(row, CLI_DIM, figures[figure].label, label_columns);
	put_blanks(row, begin + label_columns + 1 + width - cli_cell_width(slice_str(text)));
	put(row, CLI_BOLD, text);
	put(row, CLI_PLAIN, " ");
	put_spark(row, series, figure != TOP_MEMORY && figure != TOP_KEYS && figure != TOP_HIT_RATE,
		begin + columns - row->used);
}

/* A figure a row; in a wide window two, so that there is more room for the list. */
static void draw_figures(struct top_row *row)
{
	int columns = row->screen->columns, half = (columns - 2) / 2;

	for (int i = 0; i < TOP_FIGURE_COUNT && has_room(row, 3); i++) {
		if (columns < two_figures) {
			put_figure(row, (enum top_figure)i, columns);
		} else {
			put_figure(row, (enum top_figure)i, half);
			put_blanks(row, half + 2);
			put_figure(row, (enum top_figure)++ i, half);
		}
		end_row(row);
	}
}

/* A part of the head, on the next line where this one has no room for it. */
static void put_part(struct top_row *row, enum cli_color color, const char *text)
{
	int width = cli_cell_width(slice_str(text));

	if (row->used && row->used + 2 + width > row->screen->columns && has_room(row, 3))
		end_row(row);
	else if (row->used)
		put(row, CLI_PLAIN, "  ");
	put(row, color, text);
}

/* By whom and why where a line has room for it, else until when. */
static void put_pause(struct top_row *row, struct json_value pauses)
{
	struct cli *cli = row->cli;
	struct json_value paused;

	if (!cli_view(pauses, "paused/warming", &paused)) {
		put_part(row, CLI_WARN, "warming is paused");
		return;
	}
	const char *until = cli_cell_when(cli, paused, "until");
	const char *const texts[] = {
		cli_cell_format(cli, "warming is %s", cli_jobs_pause(cli, paused)),
		cli_cell_format(cli, "warming paused, ends %s", until),
		cli_cell_format(cli, "paused, ends %s", until)};
	size_t i = 0;

	while (i + 1 < sizeof texts / sizeof *texts &&
		cli_cell_width(slice_str(texts[i])) > row->screen->columns)
		i++;
	put_part(row, CLI_WARN, texts[i]);
}

static void draw_head(struct top_row *row, const struct top_answers *answers)
{
	struct cli *cli = row->cli;
	struct json_value stats = answers->stats;
	bool up = cli_view_is(stats, "redis/status", "up");
	const char *status =
		cli_cell_format(cli, "redis %s", cli_cell_text(cli, stats, "redis/status"));
	int firing = 0;
	struct json_iter alerts = cli_view_each(stats, "alerts");

	while (json_next(&alerts))
		firing += cli_view_is(alerts.value, "state", "firing");
	/* The name gives way to the status. */
	put_within(row, CLI_BOLD, cli_cell_text(cli, stats, "name"),
		row->screen->columns - 2 - (int)strlen(status));
	put_part(row, up ? CLI_GOOD : CLI_BAD, status);
	if (row->used + 24 < row->screen->columns)
		put(row, CLI_PLAIN,
			cli_cell_format(cli, " %s", cli_cell_text(cli, stats, "redis/version")));
	if (firing)
		put_part(row, CLI_BAD, cli_cell_format(cli, "alerts firing: %d", firing));
	if (cli_view_true(stats, "warming/paused"))
		put_pause(row, answers->pauses);
	if (row->screen->paused)
		put_part(row, CLI_WARN, "[paused]");
	end_row(row);
	if (row->screen->trouble) {
		put(row, CLI_BAD, row->screen->trouble);
		end_row(row);
	}
}

/* All lists by name; where they have no room, which one of how many is shown. */
static void draw_names(struct top_row *row)
{
	struct buf all = {0};

	for (int i = 0; i < TOP_LIST_COUNT; i++)
		buf_printf(&all, "%s ", top_list_names[i]);
	bool narrow = (int)all.n + 2 > row->screen->columns;

	buf_release(&all);
	for (int i = 0; i < TOP_LIST_COUNT; i++) {
		bool shown = i == (int)row->screen->list;

		if (shown || !narrow)
			put(row, shown ? CLI_BOLD : CLI_DIM,
				cli_cell_format(
					row->cli, shown ? "[%s] " : "%s ", top_list_names[i]));
		if (shown && narrow)
			put(row, CLI_DIM,
				cli_cell_format(row->cli, "%d/%d", i + 1, TOP_LIST_COUNT));
	}
	end_row(row);
}

/* The lines that the note of a row takes. */
static int note_lines(const struct top_screen *screen, const char *note)
{
	struct slice rest = slice_str(note ? note : "");
	int lines = 0, width = screen->columns - note_indent;

	for (; rest.n && lines < max_note_lines; lines++)
		cli_cell_take_line(&rest, width);
	return lines;
}

static void draw_note(struct top_row *row, const char *note)
{
	int lines = note_lines(row->screen, note), width = row->screen->columns - note_indent;
	struct slice rest = slice_str(note ? note : "");

	for (int i = 0; i < lines && has_room(row, 1); i++) {
		/* The last one ends with `~` if there is more. */
		struct slice line = i + 1 < lines ? cli_cell_take_line(&rest, width) : rest;

		put_blanks(row, note_indent);
		put(row, CLI_BAD, arena_dup(&row->cli->arena, line));
		end_row(row);
	}
}

/* The first row that is shown: down to where the last one is the only one, if not all have room. */
static void limit_scroll(struct top_screen *screen, const struct top_rows *rows, int room)
{
	int height = rows->count;

	for (int i = 0; i < rows->count; i++)
		height += note_lines(screen, rows->notes[i]);
	int most = height == rows->count ? height - room : height > room ? rows->count - 1 : 0;

	if (screen->scroll > most)
		screen->scroll = most;
	if (screen->scroll < 0)
		screen->scroll = 0;
}

static void draw_list(struct top_row *row, struct top_screen *screen, struct json_value from)
{
	struct top_rows rows = top_list_rows(row->cli, screen->list, from, screen->columns);

	draw_names(row);
	buf_add(row->out, rows.lines[0]);
	end_row(row);
	limit_scroll(screen, &rows, screen->lines - row->rows - 1);
	for (int i = screen->scroll; i < rows.count && has_room(row, 1); i++) {
		buf_add(row->out, rows.lines[i + 1]);
		end_row(row);
		draw_note(row, rows.notes[i]);
	}
}

/* As much of what the keys do as there is room for. */
static const char *keys_text(int columns)
{
	static const char *const texts[] = {"q quit  p pause  up, down: scroll  left, right: lists",
		"q quit  p pause  arrows: lists", "q quit  arrows lists", "q quit", "q"};
	size_t i = 0;

	while (i + 1 < sizeof texts / sizeof *texts && (int)strlen(texts[i]) > columns)
		i++;
	return texts[i];
}

void top_view_draw(struct cli *cli, struct top_screen *screen, const struct top_answers *answers,
	struct buf *out)
{
	struct top_row row = {.cli = cli, .screen = screen, .out = out};

	buf_str(out, "\033[H");
	draw_head(&row, answers);
	draw_figures(&row);
	if (has_room(&row, 3))
		draw_list(&row, screen,
			screen->list == TOP_OPERATIONS ? answers->operations : answers->stats);
	while (has_room(&row, 1))
		end_row(&row);
	put(&row, CLI_DIM, keys_text(screen->columns));
	buf_str(out, "\033[K\033[J");
}
