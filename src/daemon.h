/* SPDX-License-Identifier: MIT */
/* Runs the daemon, from a configuration to its exit code. */
#ifndef CW_DAEMON_H
#define CW_DAEMON_H

#include "conf/conf.h"

/* EX_CONFIG and EX_TEMPFAIL of sysexits(3): systemd tries again after the latter only. */
enum { DAEMON_EXIT_CONFIG = 78, DAEMON_EXIT_LATER = 75 };

/*
 * Serves until SIGTERM or SIGINT, then shuts down in order; a second signal ends the process at
 * once. Returns the exit code: 0, DAEMON_EXIT_CONFIG if the daemon cannot start with this
 * configuration (no server program), or DAEMON_EXIT_LATER if a later attempt may succeed (an
 * address in use). `config_path` as in conf_load(); `ready_file` may be NULL.
 */
int daemon_run(const char *config_path, const char *ready_file, struct conf *conf);

/*
 * Connects to Redis as the daemon would, prints the report of GET /doctor on standard output, and
 * returns the exit code: EXIT_SUCCESS where nothing is wrong but for warnings, else EXIT_FAILURE.
 * Nothing is served, and nothing is written to Redis.
 */
int daemon_doctor(struct conf *conf);

#endif
