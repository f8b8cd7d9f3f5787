/* SPDX-License-Identifier: MIT */
/* Where the daemon is, and with which token it is asked. */
#ifndef CW_CLI_ADDRESS_READ_H
#define CW_CLI_ADDRESS_READ_H

#include "cli/args_parse.h"

/* Fills url or socket, token and ca_file; CLI_USAGE after saying what is wrong. */
int cli_address_read(struct cli *cli, const struct cli_args *args);

#endif
