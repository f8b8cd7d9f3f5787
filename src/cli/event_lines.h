/* SPDX-License-Identifier: MIT */
/* Server-Sent Events, as they come in pieces of any size. */
#ifndef CW_CLI_EVENT_LINES_H
#define CW_CLI_EVENT_LINES_H

#include "base/buf.h"

/* A larger event is an error of the stream. */
enum { EVENT_LINES_MAX = 1024 * 1024 };

struct event {
	struct slice id, name, data; /* empty where the event has none */
};

/* Zeroed = at the beginning of a stream. */
struct event_lines {
	struct buf line, id, name, data;
	size_t bytes;  /* of the whole stream */
	bool after_cr; /* a LF that follows belongs to the CR before it */
};

/* For another stream. */
void event_lines_reset(struct event_lines *lines);
void event_lines_release(struct event_lines *lines);
/* Calls `take` for each event that ends in `part`; false where one is too large. */
bool event_lines_add(struct event_lines *lines, struct slice part,
	void (*take)(void *context, const struct event *event), void *context);

#endif
