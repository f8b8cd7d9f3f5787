/* SPDX-License-Identifier: MIT */
/*
 * cachewardend: options, boot order, signals, shutdown order.
 *
 *	options -> configuration -> loop -> main fiber { boot; serve until a signal; shut down }
 *
 * Special: the fiber that has started everything also stops it, in the reverse order, so that leak
 * checkers find nothing at exit.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "text/json.h"

static const char usage[] =
	"Usage: cachewardend [--config FILE] [--ready-file PATH]\n"
	"       cachewardend [--config FILE] --check-config | --print-config\n"
	"       cachewardend [--config FILE] --doctor\n"
	"       cachewardend --version | --help\n"
	"\n"
	"  --config FILE      the configuration file (default " CONF_DEFAULT_FILE ";\n"
	"                     if it does not exist, the defaults are used)\n"
	"  --check-config     check the configuration and exit: 0 = valid, 78 = faults, each with\n"
	"                     FILE:LINE\n"
	"  --print-config     print the effective configuration, with secrets redacted\n"
	"  --doctor           check configuration and Redis, print faults and how to fix them as\n"
	"                     JSON, and exit: 0 = ok, 1 = something does not work\n"
	"  --ready-file PATH  write the addresses to PATH when requests are served\n"
	"  --version          print the version\n"
	"  --help             print this help\n";

struct options {
	const char *config; /* NULL = not given */
	const char *ready_file;
	bool check, print, doctor;
};

static _Noreturn void leave(const char *text, FILE *to, int code)
{
	fputs(text, to);
	exit(code);
}

static struct options parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'},
		{"ready-file", required_argument, NULL, 'r'},
		{"check-config", no_argument, NULL, 'k'},
		{"print-config", no_argument, NULL, 'p'},
		{"doctor", no_argument, NULL, 'd'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
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
			leave("cachewardend " CW_VERSION "\n", stdout, EXIT_SUCCESS);
		case 'h':
			leave(usage, stdout, EXIT_SUCCESS);
		default:
			leave(usage, stderr, 2);
		}
	}
	if (optind < argc)
		leave(usage, stderr, 2);
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
