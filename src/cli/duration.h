/* SPDX-License-Identifier: MIT */
/*
 * Durations on the command line: all options and arguments that take one read it here.
 *
 * A number without a unit counts in seconds, or in milliseconds where the option says so; else it
 * is a duration such as 1h30m. The limits are those of the daemon, so that what it would refuse is
 * said in the words of the option before anything is sent.
 */
#ifndef CW_CLI_DURATION_H
#define CW_CLI_DURATION_H

#include "cli/args_parse.h"

struct cli_duration_limits {
	int64_t min, max;  /* in the unit */
	bool never;	   /* -1 is accepted: no expiry */
	bool milliseconds; /* the unit; else seconds */
};

extern const struct cli_duration_limits cli_duration_ttl;

/*
 * The value of an option in its unit. False after saying what is wrong; *ret stays as it is without
 * the option.
 */
bool cli_duration(const struct cli_args *args, const char *name,
	const struct cli_duration_limits *limits, int64_t *ret);
/* The same of a text; `what` names it in the message. Behind the text stands a NUL. */
bool cli_duration_parse(struct slice text, const char *what,
	const struct cli_duration_limits *limits, int64_t *ret);

#endif
