/* SPDX-License-Identifier: MIT */
/* What keys of lists have left. */
#ifndef CW_CLI_KEYS_LEFT_H
#define CW_CLI_KEYS_LEFT_H

#include "cli/cli.h"
#include "text/json.h"

/*
 * How long the value of a list's item has left: "41s", "stale", "no expiry", "gone"; "-" if it
 * cannot be read. Asks the daemon.
 */
const char *cli_keys_left(struct cli *cli, struct json_value item);

#endif
