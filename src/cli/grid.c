/* SPDX-License-Identifier: MIT */
/* Tables for people; see grid.h. */
#include "cli/grid.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cell.h"

enum { most_columns = 12, gap = 2, least_flexible = 10 };

struct cli_cell {
	struct slice text; /* clean */
	int width;
	enum cli_color color;
};

struct cli_column {
	const char *title;
	int width;
	bool right, flexible;
};

struct cli_grid {
	struct cli *cli;
	struct cli_column columns[most_columns];
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

		assert(grid->column_count <= most_columns);
		rest = slice_skip(rest, title.n + (bar != NULL));
		column->right = slice_starts(title, SLICE(">"));
		column->flexible = slice_starts(title, SLICE("*"));
		if (column->right || column->flexible || grid->pairs)
			title = slice_skip(title, 1);
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
	int total = (int)(count - 1) * gap;

	for (size_t i = 0; i < count; i++)
		total += columns[i].width;
	return total;
}

/* Takes columns from the widest flexible one until all fit; false if they cannot. */
static bool fit(struct cli_column *columns, size_t count, int width)
{
	while (total_width(columns, count) > width) {
		struct cli_column *widest = NULL;

		for (size_t i = 0; i < count; i++)
			if (columns[i].flexible && columns[i].width > least_flexible &&
				(!widest || columns[i].width > widest->width))
				widest = &columns[i];
		if (!widest)
			return false;
		widest->width--;
	}
	return true;
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

static void print_row(
	const struct cli_grid *grid, const struct cli_column *columns, const struct cli_cell *cells)
{
	for (size_t i = 0; i < grid->column_count; i++) {
		bool last = i + 1 == grid->column_count;
		struct slice text = cli_cell_cut(grid->cli, cells[i].text, columns[i].width);
		int space = columns[i].width - cli_cell_width(text);

		if (columns[i].right)
			print_spaces(space);
		print_cell(grid, text, cells[i].color);
		if (!last)
			print_spaces((columns[i].right ? 0 : space) + gap);
	}
	putchar('\n');
}

static void print_titles(const struct cli_grid *grid, const struct cli_column *columns)
{
	struct cli_cell cells[most_columns];

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
		print_cell(grid, slice_str(column->title), CLI_DIM);
		putchar(' ');
		print_cell(grid, grid->cells[i].text, grid->cells[i].color);
		putchar('\n');
	}
}

void cli_grid_print(const struct cli_grid *grid)
{
	struct cli_column columns[most_columns];
	size_t count = grid->column_count;

	if (!grid->cell_count)
		return;
	assert(grid->cell_count % count == 0);
	memcpy(columns, grid->columns, sizeof columns);
	/* The values of pairs are sentences: they are broken, not cut. */
	if (grid->pairs ? grid->cli->width && columns[0].width + gap > grid->cli->width / 2
			: grid->cli->width && !fit(columns, count, grid->cli->width)) {
		print_blocks(grid);
		return;
	}
	if (!grid->pairs)
		print_titles(grid, columns);
	for (size_t i = 0; i < grid->cell_count; i += count)
		print_row(grid, columns, grid->cells + i);
}
