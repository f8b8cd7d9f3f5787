/* SPDX-License-Identifier: MIT */
/* Tables for people; see grid.h. */
#include "cli/grid.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cell.h"

enum {
	max_columns = 12,
	gap = 2,
	min_flexible = 10,
	min_wrapped = 20,
	usual_rank = 5,
	max_luxury = 2
};

struct cli_cell {
	struct slice text; /* clean */
	int width;
	enum cli_color color;
};

struct cli_column {
	const char *title;
	int width;
	bool right, flexible, wraps;
	int rank;    /* of an optional one: the lowest is left out first; 0 = never */
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
		for (; title.n && strchr("=>*?_123456789", title.p[0]);
			title = slice_skip(title, 1)) {
			column->right |= title.p[0] == '>';
			column->flexible |= title.p[0] == '*' || title.p[0] == '_';
			column->wraps |= title.p[0] == '_';
			if (title.p[0] == '?')
				column->rank = usual_rank;
			else if (title.p[0] > '0' && title.p[0] <= '9')
				column->rank = title.p[0] - '0';
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

/* The column to be left out next; NULL if all that are shown must be. */
static struct cli_column *least_important(struct cli_column *columns, size_t count)
{
	struct cli_column *least = NULL;

	for (size_t i = 0; i < count; i++)
		if (columns[i].rank && !columns[i].hidden &&
			(!least || columns[i].rank < least->rank))
			least = &columns[i];
	return least;
}

/* Leaves out optional columns, as few as can be; false if the others do not fit either. */
static bool fit(struct cli_column *columns, size_t count, int width)
{
	struct cli_column whole[max_columns], *least;

	memcpy(whole, columns, count * sizeof *whole);
	while (total_width(whole, count) > width && (least = least_important(whole, count)) &&
		least->rank <= max_luxury)
		least->hidden = true;
	for (;;) {
		memcpy(columns, whole, count * sizeof *whole);
		if (shrink(columns, count, width))
			return true;
		least = least_important(whole, count);

		if (!least)
			return false;
		least->hidden = true;
	}
}

/* Where a table is rendered to. */
struct cli_render {
	const struct cli_grid *grid;
	const struct cli_column *columns;
	struct buf *out;
};

static void print_cell(const struct cli_render *to, struct slice text, enum cli_color color)
{
	buf_str(to->out, cli_grid_begin(to->grid->cli, color));
	buf_add(to->out, text);
	buf_str(to->out, cli_grid_end(to->grid->cli, color));
}

static void print_spaces(const struct cli_render *to, int count)
{
	if (count > 0)
		buf_printf(to->out, "%*s", count, "");
}

/* On as many lines as it takes; the first begins at the column `indent`, as the others do. */
static void print_lines(
	const struct cli_render *to, const struct cli_cell *cell, int width, int indent)
{
	for (struct slice rest = cell->text; rest.n;) {
		print_cell(to, cli_cell_take_line(&rest, width), cell->color);
		if (rest.n) {
			buf_char(to->out, '\n');
			print_spaces(to, indent);
		}
	}
}

static void print_row(const struct cli_render *to, const struct cli_cell *cells)
{
	const struct cli_grid *grid = to->grid;
	size_t last = grid->column_count - 1;
	int at = 0;

	while (last && to->columns[last].hidden)
		last--;
	for (size_t i = 0; i <= last; i++) {
		const struct cli_column *column = &to->columns[i];

		if (column->hidden)
			continue;
		if (at)
			print_spaces(to, gap);
		at += at ? gap : 0;
		if (column->wraps) {
			print_lines(to, &cells[i], column->width, at);
			break; /* it is the last one */
		}
		struct slice text = cli_cell_cut(grid->cli, cells[i].text, column->width);
		int space = column->width - cli_cell_width(text);

		if (column->right)
			print_spaces(to, space);
		print_cell(to, text, cells[i].color);
		if (!column->right && i < last)
			print_spaces(to, space);
		at += column->width;
	}
	buf_char(to->out, '\n');
}

static void print_titles(const struct cli_render *to)
{
	struct cli_cell cells[max_columns];

	for (size_t i = 0; i < to->grid->column_count; i++)
		cells[i] = (struct cli_cell){slice_str(to->columns[i].title), 0, CLI_DIM};
	print_row(to, cells);
}

/* A line for each cell: the terminal breaks what is too long. */
static void print_blocks(const struct cli_render *to)
{
	const struct cli_grid *grid = to->grid;

	for (size_t i = 0; i < grid->cell_count; i++) {
		const struct cli_column *column = &grid->columns[i % grid->column_count];

		if (i && i % grid->column_count == 0 && !grid->pairs)
			buf_char(to->out, '\n');
		if (grid->pairs) {
			print_cell(to, grid->cells[i].text, grid->cells[i].color);
			buf_char(to->out, i % 2 ? '\n' : ' ');
			continue;
		}
		if (!grid->cells[i].text.n)
			continue;
		print_cell(to, slice_str(column->title), CLI_DIM);
		buf_char(to->out, ' ');
		print_cell(to, grid->cells[i].text, grid->cells[i].color);
		buf_char(to->out, '\n');
	}
}

static void render(const struct cli_render *to)
{
	const struct cli_grid *grid = to->grid;

	if (!grid->pairs)
		print_titles(to);
	for (size_t i = 0; i < grid->cell_count; i += grid->column_count)
		print_row(to, grid->cells + i);
}

void cli_grid_print(const struct cli_grid *grid)
{
	struct cli_column columns[max_columns];
	size_t count = grid->column_count;
	struct buf out = {0};
	const struct cli_render to = {grid, columns, &out};

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
			: grid->cli->width && !fit(columns, count, grid->cli->width))
		print_blocks(&to);
	else
		render(&to);
	fwrite(out.p, 1, out.n, stdout);
	buf_release(&out);
}

/* What does not fit at all is cut: the widest columns first. */
static void force(struct cli_column *columns, size_t count, int width)
{
	while (total_width(columns, count) > width) {
		struct cli_column *widest = NULL;

		for (size_t i = 0; i < count; i++)
			if (!columns[i].hidden && (!widest || columns[i].width > widest->width))
				widest = &columns[i];
		if (!widest || widest->width <= 1)
			return;
		widest->width--;
	}
}

const struct slice *cli_grid_lines(const struct cli_grid *grid, int width)
{
	size_t rows = cli_grid_rows(grid);
	struct slice *lines = arena_alloc(&grid->cli->arena, (rows + 1) * sizeof *lines);
	struct cli_column columns[max_columns];
	struct buf out = {0};

	memcpy(columns, grid->columns, sizeof columns);
	if (!fit(columns, grid->column_count, width))
		force(columns, grid->column_count, width);
	render(&(struct cli_render){grid, columns, &out});
	struct slice rest = arena_take(&grid->cli->arena, &out);

	for (size_t i = 0; i <= rows; i++) {
		const char *end = memchr(rest.p, '\n', rest.n);

		lines[i] = slice_of(rest.p, (size_t)(end - rest.p));
		rest = slice_skip(rest, lines[i].n + 1);
	}
	return lines;
}
