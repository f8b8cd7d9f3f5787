/* SPDX-License-Identifier: MIT */
/* Messages for people, on standard error: one line each, without control bytes. */
#ifndef CW_CLI_SAY_H
#define CW_CLI_SAY_H

#include "cli/cli.h"

/* "cachewarden: TEXT". Both return `exit`, so that a command can end with `return cli_say(...)`. */
int cli_say(int exit, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same without the name in front: what has been done. */
int cli_say_done(int exit, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Flushes standard output. A reader that has gone ends the process as SIGPIPE would. */
int cli_say_flush(int exit);

#endif
