/* SPDX-License-Identifier: MIT */
/* One fault, one line; see faults.h. */
#include "conf/faults.h"

enum { max_line = 700 };

/* A key may contain any byte; control bytes must not reach a terminal. */
static void add_printable(struct buf *out, struct slice text)
{
	size_t n = text.n < max_line ? text.n : max_line;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		buf_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	if (n < text.n)
		buf_str(out, "...");
	buf_char(out, '\n');
}

void faults_place(struct buf *out, const char *file, unsigned line)
{
	buf_str(out, file);
	if (line)
		buf_printf(out, ":%u", line);
}

void faults_add(struct faults *faults, const char *file, unsigned line, const char *format, ...)
{
	struct buf text = {0};
	va_list args;

	if (faults->count++ >= FAULTS_SHOWN)
		return;
	faults_place(&text, file, line);
	buf_str(&text, ": ");
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	add_printable(faults->out, buf_slice(&text));
	buf_release(&text);
}

void faults_end(struct faults *faults)
{
	if (faults->count > FAULTS_SHOWN)
		buf_printf(faults->out, "and %u more\n", faults->count - FAULTS_SHOWN);
}
