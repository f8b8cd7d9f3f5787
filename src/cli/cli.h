/* SPDX-License-Identifier: MIT */
/*
 * One run of the command line: what its options say, and the memory of what it reads.
 *
 * Everything lives until the process ends its only command: texts and answers are in one arena,
 * which nobody releases piece by piece. Nothing here parks, there is no loop.
 */
#ifndef CW_CLI_CLI_H
#define CW_CLI_CLI_H

#include "base/arena.h"

/* What the process exits with. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,	     /* the daemon refused, or the work failed */
	CLI_USAGE = 2,	     /* the command line is wrong; nothing was sent */
	CLI_UNREACHABLE = 3, /* no answer: refused, no such host, in time, cut off */
};

struct cli_args;

struct cli {
	struct arena arena;
	/* Where the daemon is: one of both. */
	const char *url;       /* without a slash at its end */
	const char *socket;    /* path of a Unix socket */
	const char *ca_file;   /* NULL = the system's */
	const char *cert_file; /* of this client, and its key; NULL = none */
	const char *key_file;
	struct slice token;	     /* empty = none */
	const char *token_from;	     /* its file or variable */
	bool json;		     /* answers as they are, on standard output */
	bool json_errors;	     /* refusals, too: also where `json` is off for an answer */
	bool color;		     /* of standard output */
	int width;		     /* columns of standard output, 0 = it is not a terminal */
	bool bars;		     /* standard error is a terminal: progress is shown on it */
	void *curl;		     /* of cli/client.c */
	const struct cli_args *args; /* what was typed; NULL before it is known */
};

#endif
