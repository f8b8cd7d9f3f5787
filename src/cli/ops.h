/* SPDX-License-Identifier: MIT */
/* What is shown of an operation of any kind. */
#ifndef CW_CLI_OPS_H
#define CW_CLI_OPS_H

#include "cli/cell.h"

/* What came of it: keys removed, made stale, changed or stored; while it works, how far it is. */
const char *cli_ops_done(struct cli *cli, struct json_value operation);
/* The kind of work and what it is about: "warm products", "dry run: invalidate product:*". */
const char *cli_ops_what(struct cli *cli, struct json_value operation);

#endif
