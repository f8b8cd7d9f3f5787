/* SPDX-License-Identifier: MIT */
/* Tables for people; see grid.h. */
#include "cli/grid.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "cli/cell.h"

enum { max_columns = 12, gap = 2, min_flexible = 10, min_wrapped = 20 };

struct cli_cell {
	struct slice text; /* clean */
	int width;
	enum cli_color color;
};

struct cli_column {
	const char *title;
	int width;
	bool right, flexible, optional, wraps;
	bool hidden; /* there is no room for it */
};

struct cli_grid {
	struct cli *cli;
	struct cli_column columns[max_columns];
	size_t column_count;
	bool pairs;
	struct cli_cell *cells; /* of mem */
	size_t cell_count, cell_room;
};

static const char *const begins[] = {
	[CLI_PLAIN] = "",
	[CLI_BOLD] = "\033[1m",
	[CLI_DIM] = "\033[2m",
	[CLI_GOOD] = "\033[32m",
	[CLI_WARN] = "\033[33m",
	[CLI_BAD] = "\033[31m",
};

const char *cli_grid_begin(const struct cli *cli, enum cli_color color)
{
	return cli->color ? begins[color] : "";
}

const char *cli_grid_end(const struct cli *cli, enum cli_color color)
{
	return cli->color && color != CLI_PLAIN ? "\033[0m" : "";
}

static void release(void *p)
{
	struct cli_grid *grid = p;

	mem_free(grid->cells);
	mem_free(grid);
}

struct cli_grid *cli_grid_new(struct cli *cli, const char *titles)
{
	struct cli_grid *grid = mem_new(struct cli_grid);
	struct slice rest = slice_str(titles);

	arena_own(&cli->arena, grid, release);
	grid->cli = cli;
	grid->pairs = titles[0] == '=';
	while (rest.n) {
		const char *bar = memchr(rest.p, '|', rest.n);
		struct slice title = slice_of(rest.p, bar ? (size_t)(bar - rest.p) : rest.n);
		struct cli_column *column = &grid->columns[grid->column_count++];

		assert(grid->column_count <= max_columns);
		rest = slice_skip(rest, title.n + (bar != NULL));
		for (; title.n && strchr("=>*?_", title.p[0]); title = slice_skip(title, 1)) {
			column->right |= title.p[0] == '>';
			column->flexible |= title.p[0] == '*' || title.p[0] == '_';
			column->optional |= title.p[0] == '?';
			column->wraps |= title.p[0] == '_';
		}
		column->title = arena_dup(&cli->arena, title);
		column->width = cli_cell_width(title);
	}
	return grid;
}

void cli_grid_add_slice(struct cli_grid *grid, enum cli_color color, struct slice text)
{
	struct cli_column *column = &grid->columns[grid->cell_count % grid->column_count];
	struct buf clean = {0};

	if (grid->cell_count == grid->cell_room) {
		grid->cell_room = grid->cell_room ? 2 * grid->cell_room : 64;
		grid->cells = mem_realloc(grid->cells, grid->cell_room * sizeof *grid->cells);
	}
	struct cli_cell *cell = &grid->cells[grid->cell_count++];

	cli_cell_clean(text, &clean);
	*cell = (struct cli_cell){.text = arena_take(&grid->cli->arena, &clean), .color = color};
	cell->width = cli_cell_width(cell->text);
	if (cell->width > column->width)
		column->width = cell->width;
}

void cli_grid_add(struct cli_grid *grid, enum cli_color color, const char *text)
{
	cli_grid_add_slice(grid, color, slice_str(text));
}

size_t cli_grid_rows(const struct cli_grid *grid)
{
	return grid->cell_count / grid->column_count;
}

void cli_grid_pair(
	struct cli_grid *grid, const char *label, enum cli_color color, const char *format, ...)
{
	struct buf text = {0};
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	cli_grid_add(grid, CLI_DIM, label);
	cli_grid_add_slice(grid, color, buf_slice(&text));
	buf_release(&text);
}

static int total_width(const struct cli_column *columns, size_t count)
{
	int total = -gap;

	for (size_t i = 0; i < count; i++)
		if (!columns[i].hidden)
			total += columns[i].width + gap;
	return total;
}

/* Takes columns from the widest flexible one until all fit; false if they cannot. */
static bool shrink(struct cli_column *columns, size_t count, int width)
{
	while (total_width(columns, count) > width) {
		struct cli_column *widest = NULL;

		for (size_t i = 0; i < count; i++) {
			int least = columns[i].wraps ? min_wrapped : min_flexible;

			if (columns[i].flexible && !columns[i].hidden && columns[i].width > least &&
				(!widest || columns[i].width > widest->width))
				widest = &columns[i];
		}
		if (!widest)
			return false;
		widest->width--;
	}
	return true;
}

/* Leaves out optional columns from the left, as few as can be. */
static bool fit(struct cli_column *columns, size_t count, int width)
{
	struct cli_column whole[max_columns];

	memcpy(whole, columns, count * sizeof *whole);
	for (size_t next = 0;;) {
		memcpy(columns, whole, count * sizeof *whole);
		if (shrink(columns, count, width))
			return true;
		while (next < count && !whole[next].optional)
			next++;
		if (next == count)
			return false;
		whole[next++].hidden = true;
	}
}

static void print_cell(const struct cli_grid *grid, struct slice text, enum cli_color color)
{
	fputs(cli_grid_begin(grid->cli, color), stdout);
	fwrite(text.p, 1, text.n, stdout);
	fputs(cli_grid_end(grid->cli, color), stdout);
}

static void print_spaces(int count)
{
	if (count > 0)
		printf("%*s", count, "");
}

/* How much of the text is on a line of so many columns: up to a blank where there is one. */
static size_t line_length(struct slice text, int width)
{
	size_t at = 0, blank = 0;

	for (int used = 0; at < text.n;) {
		uint32_t point;
		size_t n = utf8_next(slice_skip(text, at), &point);
		int more = cli_cell_width(slice_of(text.p + at, n ? n : 1));

		if (used + more > width && at)
			return blank ? blank : at;
		if (text.p[at] == ' ')
			blank = at;
		used += more;
		at += n ? n : 1;
	}
	return at;
}

/* On as many lines as it takes; the first begins at the column `indent`, as the others do. */
static void print_lines(
	const struct cli_grid *grid, const struct cli_cell *cell, int width, int indent)
{
	for (struct slice rest = cell->text; rest.n;) {
		size_t n = line_length(rest, width);

		print_cell(grid, slice_of(rest.p, n), cell->color);
		rest = slice_skip(rest, n);
		while (rest.n && rest.p[0] == ' ')
			rest = slice_skip(rest, 1);
		if (rest.n) {
			putchar('\n');
			print_spaces(indent);
		}
	}
}

static void print_row(
	const struct cli_grid *grid, const struct cli_column *columns, const struct cli_cell *cells)
{
	int at = 0;

	for (size_t i = 0; i < grid->column_count; i++) {
		if (columns[i].hidden)
			continue;
		if (at)
			print_spaces(gap);
		at += at ? gap : 0;
		if (columns[i].wraps) {
			print_lines(grid, &cells[i], columns[i].width, at);
			break; /* it is the last one */
		}
		struct slice text = cli_cell_cut(grid->cli, cells[i].text, columns[i].width);
		int space = columns[i].width - cli_cell_width(text);

		if (columns[i].right)
			print_spaces(space);
		print_cell(grid, text, cells[i].color);
		if (!columns[i].right && i + 1 < grid->column_count)
			print_spaces(space);
		at += columns[i].width;
	}
	putchar('\n');
}

static void print_titles(const struct cli_grid *grid, const struct cli_column *columns)
{
	struct cli_cell cells[max_columns];

	for (size_t i = 0; i < grid->column_count; i++)
		cells[i] = (struct cli_cell){slice_str(columns[i].title), 0, CLI_DIM};
	print_row(grid, columns, cells);
}

/* A line for each cell: the terminal breaks what is too long. */
static void print_blocks(const struct cli_grid *grid)
{
	for (size_t i = 0; i < grid->cell_count; i++) {
		const struct cli_column *column = &grid->columns[i % grid->column_count];

		if (i && i % grid->column_count == 0 && !grid->pairs)
			putchar('\n');
		if (grid->pairs) {
			print_cell(grid, grid->cells[i].text, grid->cells[i].color);
			putchar(i % 2 ? '\n' : ' ');
			continue;
		}
		if (!grid->cells[i].text.n)
			continue;
		print_cell(grid, slice_str(column->title), CLI_DIM);
		putchar(' ');
		print_cell(grid, grid->cells[i].text, grid->cells[i].color);
		putchar('\n');
	}
}

void cli_grid_print(const struct cli_grid *grid)
{
	struct cli_column columns[max_columns];
	size_t count = grid->column_count;

	if (!grid->cell_count)
		return;
	assert(grid->cell_count % count == 0);
	memcpy(columns, grid->columns, sizeof columns);
	/* The values of pairs are sentences: they are broken, not cut. */
	if (grid->pairs && grid->cli->width) {
		columns[1].wraps = true;
		columns[1].width = grid->cli->width - columns[0].width - gap;
	}
	if (grid->pairs ? grid->cli->width && columns[1].width < min_wrapped
			: grid->cli->width && !fit(columns, count, grid->cli->width)) {
		print_blocks(grid);
		return;
	}
	if (!grid->pairs)
		print_titles(grid, columns);
	for (size_t i = 0; i < grid->cell_count; i += count)
		print_row(grid, columns, grid->cells + i);
}
