/* SPDX-License-Identifier: MIT */
/* Messages on standard error; see say.h. */
#include "cli/say.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/cell.h"

/* False after an error; a reader that has gone ends the process, as SIGPIPE does. */
static bool flush_output(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	if (errno == EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	return false;
}

static void print(const char *prefix, const char *format, va_list args)
{
	struct buf raw = {0}, line = {0};

	buf_vprintf(&raw, format, args);
	buf_str(&line, prefix);
	cli_cell_clean(buf_slice(&raw), &line);
	buf_char(&line, '\n');
	/* What was printed before stands before it. The end of the process sees an error again. */
	(void)flush_output();
	/* Where standard error is gone, nobody can be told. */
	(void)fwrite(line.p, 1, line.n, stderr);
	buf_release(&raw);
	buf_release(&line);
}

int cli_say(int exit, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("cachewarden: ", format, args);
	va_end(args);
	return exit;
}

int cli_say_done(int exit, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("", format, args);
	va_end(args);
	return exit;
}

int cli_say_flush(int exit)
{
	if (flush_output())
		return exit;
	int number = errno;

	clearerr(stdout);
	return cli_say(exit ? exit : CLI_FAILED, "standard output cannot be written: %s",
		number ? strerror(number) : "it was refused before");
}
