/* SPDX-License-Identifier: MIT */
/* cachewarden help: the table of commands for people. */
#include <stdio.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/manual.h"
#include "cli/say.h"

enum { usual_width = 80, max_indent = 24 };

/* Breaks `text` at blanks; the first line begins at column `at`, the others at `indent`. */
static void print_wrapped(const char *text, int at, int indent, int width)
{
	int column = at;

	while (*text) {
		int n = (int)strcspn(text, " ");
		bool first = column <= indent;

		if (!first && column + 1 + n > width) {
			printf("\n%*s", indent, "");
			column = indent;
		} else if (!first) {
			putchar(' ');
			column++;
		}
		printf("%.*s", n, text);
		column += n;
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

static int width_of(const struct cli *cli)
{
	return cli->width ? cli->width : usual_width;
}

/* A term and what it means; a long term has a line of its own. */
static void print_term(const struct cli *cli, const char *term, int indent, const char *help)
{
	int n = (int)strlen(term);

	if (width_of(cli) < 2 * indent)
		indent = 4;
	printf("  %s", term);
	if (2 + n + 2 > indent)
		printf("\n%*s", indent, "");
	else
		printf("%*s", indent - n - 2, "");
	print_wrapped(help, indent, indent, width_of(cli));
}

static void print_options(struct cli *cli, const struct cli_option *options)
{
	for (const struct cli_option *o = options; o && o->name; o++) {
		const char *letter = o->letter ? cli_cell_format(cli, "-%c, ", o->letter) : "";

		print_term(cli,
			cli_cell_format(cli, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
				o->value ? o->value : ""),
			max_indent, o->help);
	}
}

static void print_all(struct cli *cli)
{
	puts("Usage: cachewarden [OPTION...] COMMAND [ARGUMENT...]\n\nCommands:");
	for (const struct cli_command *c = cli_commands; c->name; c++)
		if (!c->hidden)
			print_term(cli, c->name, 16, c->help);
	puts("\nOptions of all commands:");
	print_options(cli, cli_common_options);
	puts("\nExit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no daemon answers.");
	puts("cachewarden help COMMAND describes one.");
}

/* As they are: they are copied. */
static void print_examples(const char *text)
{
	puts("\nExamples:");
	while (*text) {
		size_t n = strcspn(text, "\n");

		printf("  %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void print_one(struct cli *cli, const struct cli_command *command)
{
	printf("Usage: cachewarden %s%s%s%s\n\n", command->name, *command->arguments ? " " : "",
		command->arguments, command->options ? " [OPTION...]" : "");
	print_wrapped(command->help, 0, 0, width_of(cli));
	if (command->more) {
		putchar('\n');
		for (const char *text = command->more; *text;) {
			size_t n = strcspn(text, "\n");

			print_wrapped(
				cli_cell_format(cli, "%.*s", (int)n, text), 0, 0, width_of(cli));
			text += n + (text[n] == '\n');
		}
	}
	if (command->options) {
		puts("\nOptions:");
		print_options(cli, command->options);
	}
	if (command->examples)
		print_examples(command->examples);
	puts("\nOptions of all commands: cachewarden help");
}

/* "keys" alone: all commands that begin with it. */
static int print_group(struct cli *cli, struct slice word)
{
	size_t found = 0;

	for (const struct cli_command *c = cli_commands; c->name; c++) {
		struct slice name = slice_str(c->name);

		if (c->hidden || !slice_starts(name, word) ||
			(c->name[word.n] && c->name[word.n] != ' '))
			continue;
		if (found++)
			putchar('\n');
		print_one(cli, c);
	}
	return found ? CLI_DONE
		     : cli_say(CLI_USAGE, "there is no command %s: cachewarden help", word.p);
}

int cli_help(struct cli *cli, const struct cli_args *args)
{
	const char *page = cli_args_text(args, "roff");
	size_t used;

	if (cli_args_flag(args, "markdown")) {
		cli_manual_markdown();
		return CLI_DONE;
	}
	if (page) {
		cli_manual_page(page);
		return CLI_DONE;
	}
	/* cachewarden COMMAND --help */
	if (args->command && (args->command->run != cli_help || cli_args_flag(args, "help"))) {
		print_one(cli, args->command);
		return CLI_DONE;
	}
	if (!args->word_count) {
		print_all(cli);
		return CLI_DONE;
	}
	const struct cli_command *command = cli_command_find(args->words, args->word_count, &used);

	if (args->word_count == 1)
		return print_group(cli, args->words[0]);
	if (!command || used < args->word_count)
		return cli_say(CLI_USAGE, "there is no command %s %s: cachewarden help",
			args->words[0].p, args->words[1].p);
	print_one(cli, command);
	return CLI_DONE;
}
