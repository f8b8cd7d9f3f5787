/* SPDX-License-Identifier: MIT */
/* Lists that the daemon gives by pages. */
#ifndef CW_CLI_PAGES_H
#define CW_CLI_PAGES_H

#include "cli/args_parse.h"
#include "cli/grid.h"
#include "text/json.h"

/* Called with each item; false ends the list. */
typedef bool cli_page_item(void *context, struct json_value item);

/*
 * Reads pages of `path` (without a query) up to --limit items, `usual` without it, 0 = all. With
 * --json it prints {"items": [...], "complete": true|false}, or the refusal of the first page, and
 * `item` is not called. `page`, which may be NULL, sees each page before its items.
 */
struct cli_pages {
	const char *path;
	const char *query; /* "&match=...", or NULL */
	int64_t usual;
	cli_page_item *item;
	void (*page)(void *context, struct json_value page);
	void *context;
	const char *none; /* said where there are no items; NULL = nothing */
	/* Of the items, or NULL: printed before it is said that there are more. */
	const struct cli_grid *grid;
};

int cli_pages(struct cli *cli, const struct cli_args *args, const struct cli_pages *what);

#endif
