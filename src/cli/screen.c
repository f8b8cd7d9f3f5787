/* SPDX-License-Identifier: MIT */
/* What the terminal is; see screen.h. */
#include "cli/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { usual_width = 80, min_width = 10 };

int cli_screen_width(int fd)
{
	struct winsize size = {0};

	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) != 0 || !size.ws_col)
		return usual_width;
	return size.ws_col < min_width ? min_width : size.ws_col;
}

void cli_screen_read(struct cli *cli, const struct cli_args *args)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool plain = cli_args_flag(args, "no-color") || (no_color && *no_color) ||
		     (term && strcmp(term, "dumb") == 0);

	cli->json = cli->json_errors = cli_args_flag(args, "json");
	cli->width = cli_screen_width(STDOUT_FILENO);
	cli->color = cli->width && !plain;
	cli->bars = cli_screen_width(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

bool cli_screen_asks(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool cli_screen_confirm(const char *question)
{
	char answer[16];

	fflush(stdout);
	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	if (!fgets(answer, sizeof answer, stdin)) {
		fputc('\n', stderr);
		return false;
	}
	answer[strcspn(answer, "\r\n")] = '\0';
	return strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0 || strcmp(answer, "yes") == 0;
}
