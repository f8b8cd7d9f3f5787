/* SPDX-License-Identifier: MIT */
/* Server-Sent Events; see event_lines.h. */
#include "cli/event_lines.h"

#include <string.h>

void event_lines_reset(struct event_lines *lines)
{
	buf_clear(&lines->line);
	buf_clear(&lines->id);
	buf_clear(&lines->name);
	buf_clear(&lines->data);
	lines->bytes = 0;
	lines->after_cr = false;
}

void event_lines_release(struct event_lines *lines)
{
	buf_release(&lines->line);
	buf_release(&lines->id);
	buf_release(&lines->name);
	buf_release(&lines->data);
}

static void take_field(struct event_lines *lines, struct slice name, struct slice value)
{
	if (slice_is(name, "data")) {
		if (lines->data.n)
			buf_char(&lines->data, '\n');
		buf_add(&lines->data, value);
	} else if (slice_is(name, "event")) {
		buf_clear(&lines->name);
		buf_add(&lines->name, value);
	} else if (slice_is(name, "id") && !memchr(value.n ? value.p : "", '\0', value.n)) {
		buf_clear(&lines->id);
		buf_add(&lines->id, value);
	}
}

/* A line that begins with a colon is a comment; an empty one ends the event. */
static bool end_line(struct event_lines *lines,
	void (*take)(void *context, const struct event *event), void *context)
{
	struct slice line = buf_slice(&lines->line);
	const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	struct slice name = slice_of(line.p, colon ? (size_t)(colon - line.p) : line.n);
	struct slice value = slice_skip(line, colon ? name.n + 1 : line.n);

	if (line.n && name.n) {
		if (value.n && value.p[0] == ' ')
			value = slice_skip(value, 1);
		take_field(lines, name, value);
	} else if (!line.n) {
		if (lines->data.n)
			take(context, &(struct event){buf_slice(&lines->id),
					      buf_slice(&lines->name), buf_slice(&lines->data)});
		buf_clear(&lines->id);
		buf_clear(&lines->name);
		buf_clear(&lines->data);
	}
	buf_clear(&lines->line);
	return lines->data.n <= EVENT_LINES_MAX;
}

bool event_lines_add(struct event_lines *lines, struct slice part,
	void (*take)(void *context, const struct event *event), void *context)
{
	lines->bytes += part.n;
	for (size_t i = 0; i < part.n; i++) {
		char c = part.p[i];
		bool again = lines->after_cr && c == '\n';

		lines->after_cr = c == '\r';
		if (again)
			continue;
		if (c != '\n' && c != '\r')
			buf_char(&lines->line, c);
		else if (!end_line(lines, take, context))
			return false;
		if (lines->line.n > EVENT_LINES_MAX)
			return false;
	}
	return true;
}
