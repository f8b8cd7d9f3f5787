/* SPDX-License-Identifier: MIT */
/* The manual, made from the tables of commands and options; see manual.h. */
#include "cli/manual.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/daemon_options.h"

enum { line_columns = 70 };

static void escaped(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\\')
			fputs("\\e", stdout);
		else if (text[i] == '-')
			fputs("\\-", stdout);
		else if (text[i] == '"')
			fputs("\\(dq", stdout);
		else
			putchar(text[i]);
	}
}

void cli_manual_text(const char *text)
{
	size_t column = 0;

	for (bool first = true; *text; first = false) {
		size_t n = strcspn(text, " ");
		bool breaks = column + n > line_columns;

		if (!first)
			putchar(breaks ? '\n' : ' ');
		/* At the beginning of a line . and ' are commands. */
		if ((first || breaks) && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		escaped(text, n);
		column = breaks ? n : column + n + 1;
		text += n + (text[n] == ' ');
	}
}

static void line(const char *text)
{
	cli_manual_text(text);
	putchar('\n');
}

/* Sentences begin on lines of their own. */
static void paragraph(const char *text)
{
	while (*text) {
		const char *end = text;

		while (*end && *end != '\n' && !((*end == '.' || *end == '?') && end[1] == ' '))
			end++;
		if (*end == '.' || *end == '?')
			end++;
		char sentence[1024];

		snprintf(sentence, sizeof sentence, "%.*s", (int)(end - text), text);
		line(sentence);
		if (*end == '\n' && end[1])
			puts(".Pp");
		text = end + (*end != '\0');
	}
}

static void option(const char *name, char letter, const char *value, const char *help)
{
	printf(".It ");
	if (letter)
		printf("Fl %c , ", letter);
	printf("Fl \\-%s", name);
	if (value && *value)
		printf(" Ar %s", value);
	putchar('\n');
	line(help);
}

static void options(const struct cli_option *list)
{
	puts(".Bl -tag -width Ds");
	for (const struct cli_option *o = list; o->name; o++)
		option(o->name, o->letter, o->value, o->help);
	puts(".El");
}

/* `title` is the name in capitals. */
static void head(const char *name, const char *title, const char *text)
{
	printf(".Dd " CLI_MANUAL_DATE "\n.Dt %s\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n", title, name,
		text);
}

/* "KEY [VALUE|-]" as arguments, whatever they are. */
static void arguments(const char *text)
{
	if (!*text)
		return;
	fputs(" Ar ", stdout);
	for (; *text; text++) {
		if (*text == '|')
			fputs("\\||\\|", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
	}
}

static void examples(const char *text)
{
	puts(".Bd -literal -offset indent");
	while (*text) {
		size_t n = strcspn(text, "\n");

		escaped(text, n);
		putchar('\n');
		text += n + (text[n] == '\n');
	}
	puts(".Ed");
}

static void command(const struct cli_command *c)
{
	printf(".It Cm %s", c->name);
	arguments(c->arguments);
	putchar('\n');
	line(c->help);
	if (c->more) {
		puts(".Pp");
		paragraph(c->more);
	}
	if (c->options)
		options(c->options);
	if (c->examples)
		examples(c->examples);
}

static void page_of_commands(void)
{
	head("cachewarden", "CACHEWARDEN 1", "see and steer a Redis cache through cachewardend");
	puts(".Sh SYNOPSIS\n.Nm\n.Op Ar option ...\n.Ar command\n.Op Ar argument ...\n"
	     ".Sh DESCRIPTION\n"
	     ".Nm\nsends requests to\n.Xr cachewardend 8\nand prints the answers as tables, or "
	     "with\n"
	     ".Fl \\-json\nas they are.\n"
	     "Values go to standard output byte for byte, messages to standard error.\n"
	     "Options may stand before or after the command;\n.Ql \\-\\-\nends them.\n"
	     "A request is never sent twice.\n.Pp\nThe commands are:\n.Bl -tag -width Ds");
	for (const struct cli_command *c = cli_commands; c->name; c++)
		if (!c->hidden)
			command(c);
	puts(".El\n.Pp\nOptions of all commands:");
	options(cli_common_options);
	puts(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
	     ".It Ev CACHEWARDEN_URL , CACHEWARDEN_SOCKET\nThe address, without an option.\n"
	     ".It Ev CACHEWARDEN_TOKEN , CACHEWARDEN_TOKEN_FILE\nThe token, or the file that holds "
	     "it.\n"
	     ".It Ev CACHEWARDEN_CA_FILE\nTrusted authorities.\n"
	     ".It Ev NO_COLOR\nNo colors.\n.El\n"
	     ".Sh FILES\n.Bl -tag -width Ds\n"
	     ".It Pa /run/cachewarden/admin.sock\nWhere the daemon is looked for first.\n.El\n"
	     ".Sh EXIT STATUS\n.Bl -tag -width Ds\n.It 0\nDone.\n.It 1\nThe daemon refused, or the "
	     "work failed or is not complete.\n.It 2\nThe command line is wrong; nothing was "
	     "sent.\n"
	     ".It 3\nNo daemon answers.\n.El\n"
	     ".Sh EXAMPLES\nRemove a user's keys and those of a tag, as a script does:\n"
	     ".Bd -literal -offset indent\n"
	     "cachewarden invalidate \\-\\-entity user=42 \\-\\-tag products \\-\\-yes\n.Ed\n.Pp\n"
	     "Why is a value what it is?\n.Bd -literal -offset indent\n"
	     "cachewarden explain user:profile:42\n.Ed\n"
	     ".Sh SEE ALSO\n.Xr cachewarden.yaml 5 ,\n.Xr cachewardend 8");
}

static void page_of_daemon(void)
{
	head("cachewardend", "CACHEWARDEND 8", "operations daemon for Redis and Valkey caches");
	puts(".Sh SYNOPSIS\n.Nm\n.Op Ar option ...\n.Sh DESCRIPTION\n.Nm\n"
	     "stands beside a Redis or Valkey cache and serves one HTTP interface\n"
	     "to see it, to invalidate what is stale, to warm what is cold,\n"
	     "and to guard what must stay.\n"
	     "It runs in the foreground and writes its log to standard error.\n.Pp\nThe options "
	     "are:\n"
	     ".Bl -tag -width Ds");
#define X(letter, name, value, help) option(name, 0, value, help);
	DAEMON_OPTIONS(X)
#undef X
	puts(".El\n.Sh FILES\n.Bl -tag -width Ds\n.It Pa " CONF_DEFAULT_FILE "\n"
	     "The configuration:\n.Xr cachewarden.yaml 5 .\n.El\n"
	     ".Sh EXIT STATUS\n.Bl -tag -width Ds\n.It 0\nIt was stopped by a signal, or a check "
	     "succeeded.\n.It 1\nA check or a start failed.\n.It 75\nAn address is in use.\n"
	     ".It 78\nThe configuration has faults.\n.El\n"
	     ".Sh SIGNALS\n.Bl -tag -width Ds\n"
	     ".It Dv SIGTERM , SIGINT\nEnd: requests in flight are answered; a second signal ends "
	     "at once.\n"
	     ".It Dv SIGHUP\nReload the configuration, as a whole or not at all.\n"
	     ".It Dv SIGUSR1\nWrite what is going on inside to the log.\n.El\n"
	     ".Sh SEE ALSO\n.Xr cachewarden 1 ,\n.Xr libcachewarden 3 ,\n.Xr cachewarden.yaml 5");
}

void cli_manual_page(const char *name)
{
	if (strcmp(name, "cachewarden.1") == 0)
		page_of_commands();
	else if (strcmp(name, "cachewardend.8") == 0)
		page_of_daemon();
	else
		cli_manual_keys();
}

static void markdown_options(const struct cli_option *list)
{
	puts("\n| option | |\n|---|---|");
	for (const struct cli_option *o = list; o->name; o++) {
		if (o->letter)
			printf("| `-%c`, `--%s", o->letter, o->name);
		else
			printf("| `--%s", o->name);
		printf("%s%s` | %s |\n", o->value ? " " : "", o->value ? o->value : "", o->help);
	}
}

void cli_manual_markdown(void)
{
	puts("### Options of all commands");
	markdown_options(cli_common_options);
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		if (c->hidden)
			continue;
		printf("\n### %s\n\n`cachewarden %s%s%s`\n\n%s\n", c->name, c->name,
			*c->arguments ? " " : "", c->arguments, c->help);
		if (c->more)
			printf("\n%s\n", c->more);
		if (c->options)
			markdown_options(c->options);
		if (c->examples)
			printf("\n```sh\n%s\n```\n", c->examples);
	}
}
