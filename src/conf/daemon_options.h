/* SPDX-License-Identifier: MIT */
/*
 * The options of cachewardend, which its parser, its help and its manual page read: X(letter within
 * the parser, "name", "VALUE" or "", "help").
 */
#ifndef CW_CONF_DAEMON_OPTIONS_H
#define CW_CONF_DAEMON_OPTIONS_H

/* clang-format off */
#define DAEMON_OPTIONS(X) \
	X('c', "config", "FILE", "the configuration file (default " CONF_DEFAULT_FILE "; if it does not exist, the defaults are used)") \
	X('k', "check-config", "", "check the configuration and exit: 0 = valid, 78 = faults, each with FILE:LINE") \
	X('p', "print-config", "", "print the effective configuration, with secrets redacted") \
	X('d', "doctor", "", "check configuration and Redis, print faults and how to fix them as JSON, and exit: 0 = ok, 1 = something does not work") \
	X('r', "ready-file", "PATH", "write the addresses to PATH when requests are served") \
	X('v', "version", "", "print the version") \
	X('h', "help", "", "print this help")
/* clang-format on */

#endif
