/* SPDX-License-Identifier: MIT */
/*
 * The hidden command __complete, which the completion scripts of all shells call.
 *
 *	words before the cursor, the last one unfinished -> candidates, one a line:
 *	CANDIDATE [TAB DESCRIPTION], or `:files` where the shell shall complete a file's name
 *
 * Names of jobs, tags and operations come from the daemon, if it answers within a second.
 */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/address_read.h"
#include "cli/command_table.h"
#include "cli/known.h"
#include "cli/view.h"

enum { answer_seconds = 1 };

struct completion {
	struct cli *cli;
	const struct slice *words; /* before the last one, without options */
	size_t word_count;
	struct slice current; /* what candidates begin with */
	struct cli_args args; /* its options are those of the words */
};

/* Nothing that a terminal or shell might act on is offered. */
static bool is_plain(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return false;
	return utf8_valid(text);
}

/* `before` stands in front of the candidate, such as `--state=` or the scopes up to a comma. */
static void offer(const struct completion *completion, struct slice before, struct slice text,
	const char *description)
{
	struct buf whole = {0};

	buf_add(&whole, before);
	buf_add(&whole, text);
	if (slice_starts(buf_slice(&whole), completion->current) && is_plain(text))
		printf("%s%s%s\n", whole.p, description ? "\t" : "",
			description ? description : "");
	buf_release(&whole);
}

static void offer_words(const struct completion *completion, struct slice before, const char *list)
{
	while (*list) {
		size_t n = strcspn(list, " ");

		offer(completion, before, slice_of(list, n), NULL);
		list += n + (list[n] == ' ');
	}
}

static void offer_names(
	const struct completion *completion, struct slice before, const struct cli_known *known)
{
	struct cli *cli = completion->cli;
	struct json_iter items;

	cli->json = false;
	if (cli_address_read(cli, &completion->args) ||
		!cli_known_ask(cli, known, answer_seconds, &items))
		return;
	while (json_next(&items)) {
		struct slice name = cli_known_name(cli, known, &items);
		struct slice description =
			known->description ? cli_view_text(cli, items.value, known->description)
					   : slice_of(NULL, 0);

		if (name.n)
			offer(completion, before, name,
				is_plain(description) ? description.p : NULL);
	}
}

static void offer_commands(const struct completion *completion, bool second)
{
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		const char *blank = strchr(c->name, ' ');
		struct slice first =
			slice_of(c->name, blank ? (size_t)(blank - c->name) : strlen(c->name));

		if (c->hidden)
			continue;
		if (!second && blank && c != cli_commands &&
			slice_starts(slice_str(c[-1].name), first))
			continue; /* offered already: keys get, keys set */
		if (!second)
			offer(completion, slice_of("", 0), first, blank ? NULL : c->help);
		else if (blank && slice_equal(completion->words[0], first))
			offer(completion, slice_of("", 0), slice_str(blank + 1), c->help);
	}
}

static void offer_values(const struct completion *completion, struct slice before, const char *what)
{
	const struct cli_known *known = cli_known_find(what);

	if (known)
		offer_names(completion, before, known);
	else if (strcmp(what, ":files") == 0)
		puts(":files");
	else if (strcmp(what, ":commands") == 0)
		offer_commands(completion, completion->word_count > 1);
	else
		offer_words(completion, before, what);
}

static void offer_options(const struct completion *completion, const struct cli_option *options)
{
	for (const struct cli_option *o = options; o && o->name; o++) {
		struct buf name = {0};

		buf_printf(&name, "--%s", o->name);
		offer(completion, slice_of("", 0), buf_slice(&name), o->help);
		buf_release(&name);
	}
}

/* The value of an option: behind a comma, the next of a list. */
static void offer_option_value(
	const struct completion *completion, const struct cli_option *option, struct slice before)
{
	struct slice typed = slice_skip(completion->current, before.n);
	const char *comma = typed.n ? memrchr(typed.p, ',', typed.n) : NULL;

	if (comma)
		before.n += (size_t)(comma + 1 - typed.p);
	if (option->completes)
		offer_values(
			completion, slice_of(completion->current.p, before.n), option->completes);
}

static void complete_option(const struct completion *completion, const struct cli_command *command)
{
	struct slice current = completion->current;
	const char *equals = memchr(current.p, '=', current.n);

	if (!equals) {
		if (command)
			offer_options(completion, command->options);
		offer_options(completion, cli_common_options);
		return;
	}
	size_t n = (size_t)(equals - current.p);
	const struct cli_option *option =
		n > 2 ? cli_command_option(command, slice_of(current.p + 2, n - 2)) : NULL;

	if (option)
		offer_option_value(completion, option, slice_of(current.p, n + 1));
}

static void complete_word(const struct completion *completion)
{
	size_t used;
	const struct cli_command *command =
		cli_command_find(completion->words, completion->word_count, &used);

	if (slice_starts(completion->current, SLICE("-"))) {
		complete_option(completion, command);
		return;
	}
	if (completion->word_count == 0)
		offer_commands(completion, false);
	else if (completion->word_count == 1 && cli_command_begins(completion->words[0]))
		offer_commands(completion, true);
	if (command && command->completes && completion->word_count - used < command->most)
		offer_values(completion, slice_of("", 0), command->completes);
}

int cli_complete(struct cli *cli, const struct cli_args *args)
{
	struct completion completion = {.cli = cli, .current = slice_of("", 0)};
	struct slice *words = arena_alloc(&cli->arena, (args->word_count + 1) * sizeof *words);
	struct cli_given *given = arena_alloc(&cli->arena, (args->word_count + 1) * sizeof *given);
	const struct cli_option *waits = NULL; /* for its value */

	completion.words = words;
	completion.args.given = given;
	for (size_t i = 0; i + 1 < args->word_count; i++) {
		struct slice word = args->words[i];
		const char *equals = memchr(word.p, '=', word.n);

		if (waits) {
			given[completion.args.given_count++] = (struct cli_given){waits, word.p};
			waits = NULL;
		} else if (!slice_starts(word, SLICE("--"))) {
			words[completion.word_count++] = word;
		} else {
			size_t n = (equals ? (size_t)(equals - word.p) : word.n) - 2;
			const struct cli_option *option =
				cli_command_option(NULL, slice_of(word.p + 2, n));

			if (option && option->kind != CLI_FLAG && equals)
				given[completion.args.given_count++] =
					(struct cli_given){option, equals + 1};
			else if (option && option->kind != CLI_FLAG)
				waits = option;
		}
	}
	if (args->word_count)
		completion.current = args->words[args->word_count - 1];
	/* What is wrong with the address is not said in the middle of somebody's typing. */
	if (!freopen("/dev/null", "w", stderr))
		return CLI_FAILED;
	if (waits)
		offer_option_value(&completion, waits, slice_of(completion.current.p, 0));
	else
		complete_word(&completion);
	return CLI_DONE;
}
