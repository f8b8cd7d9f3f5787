/* SPDX-License-Identifier: MIT */
/* What is shown of a warm run, which is an operation. */
#ifndef CW_CLI_JOBS_H
#define CW_CLI_JOBS_H

#include "cli/cell.h"
#include "cli/grid.h"

/* Of its state. */
enum cli_color cli_jobs_color(struct json_value operation);
/* Keys that it stored, or rows that it visited. */
const char *cli_jobs_stored(struct cli *cli, struct json_value operation);
/* Why it failed; of a run that is partial, the first thing that went wrong. "-" if nothing did. */
const char *cli_jobs_error(struct cli *cli, struct json_value operation);
/*
 * The run of a job that could not be started, if none has begun since: "missed 3m ago: Redis is out
 * of memory"; else NULL.
 */
const char *cli_jobs_missed(struct cli *cli, struct json_value job);
/* From its start to its end, or to now. */
const char *cli_jobs_took(struct cli *cli, struct json_value operation);
/* "paused by ops (deploy), 3m ago; ends in 57m, ...": what the daemon tells of a pause. */
const char *cli_jobs_pause(struct cli *cli, struct json_value pause);

#endif
