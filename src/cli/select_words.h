/* SPDX-License-Identifier: MIT */
/* The selectors of an invalidation, from the command line to JSON. */
#ifndef CW_CLI_SELECT_WORDS_H
#define CW_CLI_SELECT_WORDS_H

#include "cli/args_parse.h"

/* Appends `"patterns":[...],"keys":[...]...`; false after saying what is wrong: nothing selected,
 * or --entity without =. */
bool cli_select_words(const struct cli_args *args, struct buf *out);

#endif
