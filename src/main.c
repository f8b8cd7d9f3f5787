/* SPDX-License-Identifier: MIT */
/*
 * cachewardend: its options. It checks or prints the configuration, looks at Redis (--doctor), or
 * runs the daemon (daemon.h).
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/daemon_options.h"
#include "daemon.h"
#include "text/json.h"

static const char synopsis[] =
	"Usage: cachewardend [--config FILE] [--ready-file PATH]\n"
	"       cachewardend [--config FILE] --check-config | --print-config\n"
	"       cachewardend [--config FILE] --doctor\n"
	"       cachewardend --version | --help\n"
	"\n";

enum { help_indent = 21, help_width = 80 };

/* The help breaks at blanks. */
static void print_option(FILE *to, const char *name, const char *value, const char *help)
{
	int column = fprintf(to, "  --%s%s%s", name, *value ? " " : "", value);

	fprintf(to, "%*s", help_indent - column, "");
	column = help_indent;
	while (*help) {
		int n = (int)strcspn(help, " ");

		if (column > help_indent && column + 1 + n > help_width)
			column = fprintf(to, "\n%*s", help_indent, "") - 1;
		else if (column > help_indent)
			column += fprintf(to, " ");
		column += fprintf(to, "%.*s", n, help);
		help += n + (help[n] == ' ');
	}
	fputc('\n', to);
}

static _Noreturn void leave_usage(FILE *to, int code)
{
	fputs(synopsis, to);
#define X(letter, name, value, help) print_option(to, name, value, help);
	DAEMON_OPTIONS(X)
#undef X
	exit(code);
}

struct options {
	const char *config; /* NULL = not given */
	const char *ready_file;
	bool check, print, doctor;
};

static struct options parse_options(int argc, char **argv)
{
	static const struct option known[] = {
#define X(letter, name, value, help) \
	{name, sizeof(value) > 1 ? required_argument : no_argument, NULL, letter},
		DAEMON_OPTIONS(X)
#undef X
			{NULL, 0, NULL, 0},
	};
	struct options options = {0};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'c':
			options.config = optarg;
			break;
		case 'r':
			options.ready_file = optarg;
			break;
		case 'k':
			options.check = true;
			break;
		case 'p':
			options.print = true;
			break;
		case 'd':
			options.doctor = true;
			break;
		case 'v':
			puts("cachewardend " CW_VERSION);
			exit(EXIT_SUCCESS);
		case 'h':
			leave_usage(stdout, EXIT_SUCCESS);
		default:
			leave_usage(stderr, 2);
		}
	}
	if (optind < argc)
		leave_usage(stderr, 2);
	return options;
}

static int show_config(const struct options *options, const struct conf *conf)
{
	struct buf text = {0};

	fputs(conf_warnings(conf), stderr);
	if (options->check)
		buf_printf(&text, "%s: ok\n",
			conf->file ? conf->file : "no configuration file, using the defaults");
	else
		conf_print(conf, &text);
	bool written = fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0;
	buf_release(&text);
	return written ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options options = parse_options(argc, argv);
	struct buf faults = {0};
	struct conf *conf;
	int code;

	signal(SIGPIPE, SIG_IGN);
	/* A file beyond its limit is an error of write(2). */
	signal(SIGXFSZ, SIG_IGN);
	json_use_mem();
	if (conf_load(options.config, &conf, &faults) != OK) {
		fputs(faults.p, stderr);
		buf_release(&faults);
		return DAEMON_EXIT_CONFIG;
	}
	buf_release(&faults);
	if (options.check || options.print)
		code = show_config(&options, conf);
	else if (options.doctor)
		code = daemon_doctor(conf);
	else /* with the default file named: a reload must find it again */
		code = daemon_run(conf->file, options.ready_file, conf);
	conf_unref(conf);
	return code;
}
