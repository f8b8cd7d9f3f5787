/* SPDX-License-Identifier: MIT */
/* The life of the daemon, from a configuration to its exit code. */
#ifndef CW_DAEMON_H
#define CW_DAEMON_H

#include <stdio.h>

#include "conf/conf.h"

/* EX_CONFIG of sysexits(3), which systemd shows by name. */
enum { DAEMON_EXIT_CONFIG = 78 };

/* What needs more than syntax: schedules and time zones. Says what is wrong on `to`. */
bool daemon_check(struct conf *conf, FILE *to);

/*
 * Serves until SIGTERM or SIGINT and takes itself down in order; a second signal ends it at once.
 * Returns the exit code: 0, or DAEMON_EXIT_CONFIG for what the configuration asks and cannot be had
 * (an address in use, no server program). `ready_file` may be NULL.
 */
int daemon_run(const char *config_path, const char *ready_file, struct conf *conf);

#endif
