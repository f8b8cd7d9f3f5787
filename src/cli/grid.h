/* SPDX-License-Identifier: MIT */
/*
 * Tables for people on standard output.
 *
 * Columns are as wide as their widest cell. On a terminal that is too narrow the flexible columns
 * give way, then optional ones are left out; where that is not enough, each row becomes a block of
 * lines "TITLE value". Where standard output is not a terminal, nothing is cut. Cells are made
 * harmless (cli/cell.h).
 */
#ifndef CW_CLI_GRID_H
#define CW_CLI_GRID_H

#include "cli/cli.h"

enum cli_color { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_GOOD, CLI_WARN, CLI_BAD };

/* The escape sequence that begins a colour, and the one that ends it; "" without colours. */
const char *cli_grid_begin(const struct cli *cli, enum cli_color color);
const char *cli_grid_end(const struct cli *cli, enum cli_color color);

struct cli_grid;

/*
 * `titles`: "NAME|?>COUNT|*DETAIL": `>` = aligned to the right, `*` = flexible, cut where there is
 * no room, `?` = optional, `_` = flexible and broken into lines, only of the last one. Optional
 * columns are left out from the left; `?1` to `?9` say an order, of which `?` is the 5th, and those
 * of the 1st and 2nd are left out before anything is cut. Without
 * titles, as "=|=", the rows are pairs of a label and a value, which is broken into lines.
 */
struct cli_grid *cli_grid_new(struct cli *cli, const char *titles);
/* The next cell, row by row. */
void cli_grid_add(struct cli_grid *grid, enum cli_color color, const char *text);
void cli_grid_add_slice(struct cli_grid *grid, enum cli_color color, struct slice text);
size_t cli_grid_rows(const struct cli_grid *grid);
void cli_grid_print(const struct cli_grid *grid);
/*
 * The titles, then each row, as cli_grid_rows() + 1 lines of at most `width` columns, whatever has
 * to be cut for it; colours are in them. For tables that are redrawn, without a column `_`.
 */
const struct slice *cli_grid_lines(const struct cli_grid *grid, int width);

/* One row of pairs. */
void cli_grid_pair(struct cli_grid *grid, const char *label, enum cli_color color,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
