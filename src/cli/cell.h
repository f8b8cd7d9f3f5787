/* SPDX-License-Identifier: MIT */
/*
 * Texts for a terminal: names from outside made harmless, figures made readable.
 *
 * What is not known is "-". All results live in the arena.
 */
#ifndef CW_CLI_CELL_H
#define CW_CLI_CELL_H

#include "cli/cli.h"
#include "text/json.h"

/*
 * Appends `text` without what a terminal would act on: control bytes (C0, DEL, C1), marks that
 * change the direction of writing, line separators and bytes that are not UTF-8 become \xNN or
 * \uNNNN. A backslash stays as it is.
 */
void cli_cell_clean(struct slice text, struct buf *out);
/* Columns that a clean text takes: wide characters count two, combining ones none. */
int cli_cell_width(struct slice text);
/* Its beginning, of at most `width` columns; what is cut off is shown as `~`. */
struct slice cli_cell_cut(struct cli *cli, struct slice text, int width);
/*
 * Takes the beginning that is on a line of so many columns, up to a blank where there is one, and
 * the blanks behind it.
 */
struct slice cli_cell_take_line(struct slice *rest, int width);

const char *cli_cell_format(struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
const char *cli_cell_count(struct cli *cli, double value); /* 1,234,567 */
/* "1 key", "1,234 keys": `things` is "key|keys". */
const char *cli_cell_things(struct cli *cli, double value, const char *things);
const char *cli_cell_bytes(struct cli *cli, double value); /* 1.5 GiB */
const char *cli_cell_ratio(struct cli *cli, double value); /* 93.1 % */
const char *cli_cell_real(struct cli *cli, double value);  /* 12.3; 1,235 */
/* Two of the units d h m s: 3d4h, 4m10s, 0.8s. */
const char *cli_cell_span(struct cli *cli, double seconds);

/* The same of a member of `value` (a path such as "redis/hits"); "-" if it is null or not there. */
const char *cli_cell_text(struct cli *cli, struct json_value value, const char *path);
const char *cli_cell_count_at(struct cli *cli, struct json_value value, const char *path);
const char *cli_cell_bytes_at(struct cli *cli, struct json_value value, const char *path);
const char *cli_cell_ratio_at(struct cli *cli, struct json_value value, const char *path);
const char *cli_cell_real_at(struct cli *cli, struct json_value value, const char *path);
const char *cli_cell_span_at(struct cli *cli, struct json_value value, const char *path);
/* A key's name, which is base64url where the member "key_encoding" beside it says so. */
const char *cli_cell_key(struct cli *cli, struct json_value value, const char *path);
/* "2m10s ago" or "in 5m" of a time. */
const char *cli_cell_when(struct cli *cli, struct json_value value, const char *path);

#endif
