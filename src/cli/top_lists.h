/* SPDX-License-Identifier: MIT */
/* The lists of `cachewarden top`: which columns they have, and what is said below a row. */
#ifndef CW_CLI_TOP_LISTS_H
#define CW_CLI_TOP_LISTS_H

#include "cli/cli.h"
#include "text/json.h"

enum top_list { TOP_JOBS, TOP_OPERATIONS, TOP_NODES, TOP_ALERTS, TOP_LIST_COUNT };

/* A list on a window of so many columns, in the arena. */
struct top_rows {
	const struct slice *lines; /* the titles, then the rows, with their colours */
	const char **notes;	   /* of each row: a sentence to stand below it, or NULL */
	int count;		   /* of the rows */
};

extern const char *const top_list_names[TOP_LIST_COUNT];

/* Of the answer that has the list: of the operations, else of the stats. */
struct top_rows top_list_rows(
	struct cli *cli, enum top_list list, struct json_value answer, int columns);

#endif
