/* SPDX-License-Identifier: MIT */
/* Formatting an event as a line; part of log.c. */
#ifndef CW_BASE_LOG_LINE_H
#define CW_BASE_LOG_LINE_H

#include "base/log.h"

enum log_style {
	LOG_STYLE_JOURNAL, /* <6>message, <7>[id] message */
	LOG_STYLE_TEXT,	   /* 2026-11-24T05:45:18.123Z info message, ... debug [id] message */
	LOG_STYLE_JSON
};

/* "debug", "info", "warning", "error" */
const char *log_level_name(enum log_level level);

struct log_event {
	enum log_level level;
	int64_t wall_ms;
	struct slice message;
	const char *id;	      /* see fiber_set_id(); "" = not shown */
	struct slice members; /* of the JSON line, as in log_write_members() */
};

/* Appends the line and its newline, the only one in it whatever the message contains. */
void log_line(struct buf *out, enum log_style style, const struct log_event *event);

#endif
