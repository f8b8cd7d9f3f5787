/* SPDX-License-Identifier: MIT */
/* The manual, made from the tables: pages in mdoc(7), and the reference part of docs/cli.md. */
#ifndef CW_CLI_MANUAL_H
#define CW_CLI_MANUAL_H

#include "cli/command_table.h"

/* Prints a page: "cachewarden.1", "cachewardend.8" or "cachewarden.yaml.5". */
void cli_manual_page(const char *name);
void cli_manual_markdown(void);
/* cachewarden.yaml(5), from the table of keys. */
void cli_manual_keys(void);
/* Prints text of a page, such that no character of it is taken for markup. */
void cli_manual_text(const char *text);
/* Of all pages; a page's date is that of the release. */
#define CLI_MANUAL_DATE "December 1, 2026"

#endif
