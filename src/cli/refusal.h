/* SPDX-License-Identifier: MIT */
/*
 * What the daemon refuses or cannot do, in the words of the command line.
 *
 * The daemon speaks to programs: of routes, members of bodies and query parameters. Here these are
 * called by the commands, options and arguments that were typed.
 */
#ifndef CW_CLI_REFUSAL_H
#define CW_CLI_REFUSAL_H

#include "cli/client.h"

/*
 * Says what a problem answer says, once, and what to type where that helps; returns CLI_FAILED. An
 * answer that is none: that something else answers at the address.
 */
int cli_refusal_say(struct cli *cli, const struct cli_answer *answer);
/* Appends a sentence of the daemon with other words for what the command line calls otherwise. */
void cli_refusal_translate(const struct cli *cli, struct slice text, struct buf *out);

#endif
