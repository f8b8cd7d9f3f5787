/* SPDX-License-Identifier: MIT */
/*
 * A line of MONITOR: 1339518083.107412 [0 127.0.0.1:60866] "get" "user:1". Words are between
 * quotes, with \", \\, \n, \r, \t, \a, \b and \xHH for other bytes.
 */
#ifndef CW_REDIS_MONITOR_LINE_H
#define CW_REDIS_MONITOR_LINE_H

#include "base/buf.h"

struct monitor_line {
	unsigned database;
	struct slice words; /* not read yet */
};

/* False if it is not such a line. */
bool monitor_line_parse(struct slice line, struct monitor_line *ret);
/* Calls looked_up() for each key that the command looks up (redis/key_place.h). */
void monitor_line_lookups(struct monitor_line *line,
	void (*looked_up)(void *context, struct slice key), void *context);

#endif
