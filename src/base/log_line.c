/* SPDX-License-Identifier: MIT */
/*
 * Formatting an event as a line; see log_line.h.
 *
 * A code point that could break the line, move the cursor or reverse the text is written as \u000a,
 * a byte that is not UTF-8 as \xff. In JSON the former is JSON's own escape, so that the reader
 * gets the code point back; the latter has no JSON form and stays text (\\xff).
 */
#include "base/log_line.h"

#include "base/timestamp.h"
#include "base/utf8.h"

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* sd-daemon(3): <7> debug, <6> info, <4> warning, <3> error. */
static const char *const level_prefixes[] = {"<7>", "<6>", "<4>", "<3>"};

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

static bool is_bidirectional_mark(uint32_t point)
{
	return point == 0x61c || point == 0x200e || point == 0x200f ||
	       (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

/* C0, DEL, C1, and the two line separators that some viewers obey. */
static bool is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 ||
	       point == 0x2029;
}

static void escape(struct buf *out, struct slice text, bool json)
{
	while (text.n > 0) {
		uint32_t point;
		size_t n = utf8_next(text, &point);

		if (n == 0) {
			buf_printf(out, "%s\\x%02x", json ? "\\" : "", (unsigned char)text.p[0]);
			n = 1;
		} else if (is_control(point) || is_bidirectional_mark(point)) {
			buf_printf(out, "\\u%04x", point);
		} else {
			if (json && (point == '"' || point == '\\'))
				buf_char(out, '\\');
			buf_append(out, text.p, n);
		}
		text = slice_skip(text, n);
	}
}

static void text_message(struct buf *out, const struct log_event *event)
{
	if (*event->id) {
		buf_char(out, '[');
		escape(out, slice_str(event->id), false);
		buf_str(out, "] ");
	}
	escape(out, event->message, false);
}

void log_line(struct buf *out, enum log_style style, const struct log_event *event)
{
	switch (style) {
	case LOG_STYLE_JOURNAL:
		buf_str(out, level_prefixes[event->level]);
		text_message(out, event);
		break;
	case LOG_STYLE_TEXT:
		timestamp_format(event->wall_ms, out);
		buf_printf(out, " %s ", level_names[event->level]);
		text_message(out, event);
		break;
	case LOG_STYLE_JSON:
		buf_str(out, "{\"time\":\"");
		timestamp_format(event->wall_ms, out);
		buf_printf(out, "\",\"level\":\"%s\",\"message\":\"", level_names[event->level]);
		escape(out, event->message, true);
		buf_char(out, '"');
		if (*event->id) {
			buf_str(out, ",\"id\":\"");
			escape(out, slice_str(event->id), true);
			buf_char(out, '"');
		}
		if (event->members.n) {
			buf_char(out, ',');
			buf_add(out, event->members);
		}
		buf_char(out, '}');
		break;
	}
	buf_char(out, '\n');
}
