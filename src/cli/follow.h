/* SPDX-License-Identifier: MIT */
/* Follows operations to their ends, with progress bars where standard error is a terminal. */
#ifndef CW_CLI_FOLLOW_H
#define CW_CLI_FOLLOW_H

#include "cli/cli.h"
#include "text/json.h"

struct cli_followed {
	struct slice id;
	const char *label;	     /* shown before the bar */
	struct json_value operation; /* what was last known; after the end with its result */
	bool ended;
};

/*
 * Asks until all have ended or `deadline_ms` (monotonic) has passed: CLI_DONE in both cases. An
 * exit status after saying what is wrong where the daemon does not answer for half a minute:
 * operations outlive restarts of the daemon.
 */
int cli_follow(struct cli *cli, struct cli_followed *all, size_t count, int64_t deadline_ms);

#endif
