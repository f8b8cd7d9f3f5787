/* SPDX-License-Identifier: MIT */
/* Prometheus's text format: heads, labels and numbers; see metric.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/metric.h"
#include "base/utf8.h"

static const char *escaped(char c, bool quotes)
{
	if (c == '\\')
		return "\\\\";
	if (c == '\n')
		return "\\n";
	return c == '"' && quotes ? "\\\"" : NULL;
}

/* How many bytes at the beginning are ASCII that needs no escape: nearly always all. */
static size_t plain_bytes(struct slice text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] >= ' ' && text.p[n] <= '~' && text.p[n] != '"' &&
		text.p[n] != '\\')
		n++;
	return n;
}

/* Invalid UTF-8 becomes U+FFFD: Prometheus would refuse the whole answer for one such byte. */
static void render_escaped(struct buf *out, struct slice text, bool quotes)
{
	while (text.n > 0) {
		uint32_t point;
		size_t plain = plain_bytes(text);
		size_t n = plain ? plain : utf8_next(text, &point);
		const char *instead = n ? escaped(text.p[0], quotes) : "\xef\xbf\xbd";

		if (instead)
			buf_str(out, instead);
		else
			buf_append(out, text.p, n);
		n = n ? n : 1;
		text = slice_skip(text, n);
	}
}

void metric_render_head(struct buf *out, const char *name, const char *kind, const char *help)
{
	buf_str(out, "# HELP ");
	buf_str(out, name);
	buf_char(out, ' ');
	render_escaped(out, slice_str(help), false);
	buf_str(out, "\n# TYPE ");
	buf_str(out, name);
	buf_char(out, ' ');
	buf_str(out, kind);
	buf_char(out, '\n');
}

void metric_render_label(struct buf *out, const char *name, struct slice value, bool first)
{
	buf_char(out, first ? '{' : ',');
	buf_str(out, name);
	buf_str(out, "=\"");
	render_escaped(out, value, true);
	buf_char(out, '"');
}

void metric_render_number(struct buf *out, double value)
{
	char text[32];

	if (isnan(value)) {
		buf_str(out, "NaN");
	} else if (isinf(value)) {
		buf_str(out, value > 0 ? "+Inf" : "-Inf");
	} else if (fabs(value) < 1e15 && value == (double)(int64_t)value) {
		buf_int(out, (int64_t)value);
	} else {
		for (int digits = 15; digits <= 17; digits++) {
			snprintf(text, sizeof text, "%.*g", digits, value);
			if (strtod(text, NULL) == value)
				break;
		}
		buf_str(out, text);
	}
}
