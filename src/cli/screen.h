/* SPDX-License-Identifier: MIT */
/* What the terminal is. */
#ifndef CW_CLI_SCREEN_H
#define CW_CLI_SCREEN_H

#include "cli/args_parse.h"

/* Columns of the terminal behind a descriptor; 0 if it is none. At least 10. */
int cli_screen_width(int fd);
/* Fills color, width and bars of *cli from its options, the environment and the terminal. */
void cli_screen_read(struct cli *cli, const struct cli_args *args);
/* Whether somebody can be asked: standard input and standard error are terminals. */
bool cli_screen_asks(void);
/* Asks a question with y or n; false for anything but y and yes, and at the end of the input. */
bool cli_screen_confirm(const char *question);

#endif
