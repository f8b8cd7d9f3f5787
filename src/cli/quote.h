/* SPDX-License-Identifier: MIT */
/* Words of the command line as JSON. */
#ifndef CW_CLI_QUOTE_H
#define CW_CLI_QUOTE_H

#include "cli/cli.h"

/*
 * Appends `text` as a JSON string. What is not UTF-8 would become another name: false after saying
 * so; `what` names it.
 */
bool cli_quote(struct buf *out, const char *what, struct slice text);
/* Appends `,"name":"text"`, or nothing where `text` is NULL. */
bool cli_quote_member(struct buf *out, const char *name, const char *text);

#endif
