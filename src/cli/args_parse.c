/* SPDX-License-Identifier: MIT */
/* Splits the words of a command line; see args_parse.h. */
#include "cli/args_parse.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/command_table.h"
#include "cli/say.h"
#include "cli/suggest.h"

struct args_parser {
	struct cli_args *args;
	struct slice *words;
	struct cli_given *given;
	int argc, at;
	char **argv;
};

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' && !isdigit((unsigned char)word[1]);
}

/* The value is behind the `=` or in the next word. */
static bool take_value(struct args_parser *p, const struct cli_option *option, const char *equals)
{
	const char *value = NULL;

	if (option->kind == CLI_FLAG) {
		if (equals) {
			cli_say(CLI_USAGE, "the option --%s takes no value", option->name);
			return false;
		}
	} else if (equals) {
		value = equals + 1;
	} else if (p->at + 1 < p->argc) {
		value = p->argv[++p->at];
	} else {
		cli_say(CLI_USAGE, "the option --%s needs a value: --%s %s", option->name,
			option->name, option->value);
		return false;
	}
	for (size_t i = 0; i < p->args->given_count && option->kind == CLI_ONCE; i++) {
		if (strcmp(p->given[i].option->name, option->name) == 0) {
			cli_say(CLI_USAGE, "the option --%s is given twice", option->name);
			return false;
		}
	}
	p->given[p->args->given_count++] = (struct cli_given){option, value};
	return true;
}

static const struct cli_option *letter_option(char letter)
{
	for (const struct cli_option *o = cli_common_options; o->name; o++)
		if (o->letter == letter)
			return o;
	for (const struct cli_command *c = cli_commands; c->name; c++)
		for (const struct cli_option *o = c->options; o && o->name; o++)
			if (o->letter == letter)
				return o;
	return NULL;
}

/* Of the command that stands before it only its own options are suggested. */
static void say_no_option(const struct args_parser *p, const char *word, const char *equals)
{
	size_t used;
	const struct cli_command *command =
		p->args->word_count ? cli_command_find(p->words, p->args->word_count, &used) : NULL;
	size_t dashes = word[1] == '-' ? 2 : 1;
	size_t n = equals ? (size_t)(equals - word) : strlen(word);
	const char *near = cli_suggest_option(command, slice_of(word + dashes, n - dashes));

	if (near)
		cli_say(CLI_USAGE, "there is no option %.*s: did you mean --%s?", (int)n, word,
			near);
	else
		cli_say(CLI_USAGE,
			"there is no option %.*s: cachewarden help%s%s (an argument that begins "
			"with - stands behind --)",
			(int)n, word, command ? " " : "", command ? command->name : "");
}

static bool take_option(struct args_parser *p, const char *word)
{
	const struct cli_option *option;
	const char *equals = NULL;

	if (word[1] == '-') {
		equals = strchr(word, '=');
		size_t n = equals ? (size_t)(equals - word) : strlen(word);

		option = cli_command_option(NULL, slice_of(word + 2, n - 2));
	} else {
		option = word[2] ? NULL : letter_option(word[1]);
	}
	if (!option) {
		say_no_option(p, word, equals);
		return false;
	}
	return take_value(p, option, equals);
}

static bool is_common(const struct cli_option *option)
{
	const struct cli_option *o = cli_common_options;

	while (o->name && o != option)
		o++;
	return o == option;
}

/* Options were looked up before the command was known: each must be one of its own. */
static bool check_options(struct cli_args *args, struct cli_given *given)
{
	for (size_t i = 0; i < args->given_count; i++) {
		const struct cli_option *option = given[i].option;

		if (is_common(option))
			continue;
		if (!args->command) {
			cli_say(CLI_USAGE, "the option --%s needs a command: cachewarden help",
				option->name);
			return false;
		}
		given[i].option = cli_command_option(args->command, slice_str(option->name));
		if (!given[i].option) {
			cli_say(CLI_USAGE, "%s has no option --%s: cachewarden help %s",
				args->command->name, option->name, args->command->name);
			return false;
		}
	}
	return true;
}

/* "get, set, ttl" of "keys". */
static void say_second_words(struct cli *cli, struct slice first, const struct slice *second)
{
	const char *near = second ? cli_suggest_command(cli, first, *second) : NULL;
	struct buf words = {0};

	for (const struct cli_command *c = cli_commands; c->name; c++)
		if (slice_starts(slice_str(c->name), first) && c->name[first.n] == ' ')
			buf_printf(&words, "%s%s", words.n ? ", " : "", c->name + first.n + 1);
	if (near)
		cli_say(CLI_USAGE, "there is no command %s %s: did you mean %s %s?", first.p,
			second->p, first.p, near);
	else
		cli_say(CLI_USAGE, "%s needs a second word: %s (cachewarden help %s)", first.p,
			words.p, first.p);
	buf_release(&words);
}

static bool find_command(struct cli *cli, struct cli_args *args)
{
	size_t used;

	if (!args->word_count)
		return true;
	args->command = cli_command_find(args->words, args->word_count, &used);
	if (args->command) {
		args->words += used;
		args->word_count -= used;
		return true;
	}
	if (cli_command_begins(args->words[0])) {
		say_second_words(
			cli, args->words[0], args->word_count > 1 ? &args->words[1] : NULL);
		return false;
	}
	const char *near = cli_suggest_command(cli, slice_of("", 0), args->words[0]);

	if (near)
		cli_say(CLI_USAGE, "there is no command %s: did you mean %s?", args->words[0].p,
			near);
	else
		cli_say(CLI_USAGE, "there is no command %s: cachewarden help", args->words[0].p);
	return false;
}

static bool check_count(const struct cli_args *args)
{
	const struct cli_command *command = args->command;

	if (!command || cli_args_flag(args, "help") ||
		(args->word_count >= command->least && args->word_count <= command->most))
		return true;
	cli_say(CLI_USAGE, "%s: cachewarden %s%s%s",
		args->word_count < command->least ? "an argument is missing"
						  : "there are too many arguments",
		command->name, *command->arguments ? " " : "", command->arguments);
	return false;
}

/* Whether the words are names of a kind, such as ":jobs", and not all that there are. */
static bool is_open(const char *words)
{
	return !words || words[0] == ':';
}

static bool is_word(struct slice text, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, " ");

		if (slice_equal(text, slice_of(words, n)))
			return true;
		words += n + (words[n] == ' ');
	}
	return false;
}

/* "a b c" as "a, b or c". */
static void say_words(const char *what, const char *words, struct slice text)
{
	const char *last = strrchr(words, ' ');
	struct buf list = {0};

	for (const char *c = words; *c; c++) {
		if (c == last)
			buf_str(&list, " or ");
		else if (*c == ' ')
			buf_str(&list, ", ");
		else
			buf_char(&list, *c);
	}
	if (text.n)
		cli_say(CLI_USAGE, "%s takes %s, not %.*s", what, list.p, (int)text.n, text.p);
	else
		cli_say(CLI_USAGE, "%s must not be empty: it takes %s", what, list.p);
	buf_release(&list);
}

static bool check_word(const char *what, const char *words, bool list, struct slice text)
{
	for (bool more = true; more;) {
		const char *comma = list && text.n ? memchr(text.p, ',', text.n) : NULL;
		struct slice one = comma ? slice_of(text.p, (size_t)(comma - text.p)) : text;

		if (!is_word(one, words)) {
			say_words(what, words, one);
			return false;
		}
		more = comma != NULL;
		text = slice_skip(text, one.n + more);
	}
	return true;
}

/* Where only some words make sense, others are refused: they would select nothing, silently. */
static bool check_words(const struct cli_args *args)
{
	const struct cli_command *command = args->command;
	bool ok = true;

	for (size_t i = 0; ok && i < args->given_count; i++) {
		const struct cli_option *option = args->given[i].option;
		char what[64];

		snprintf(what, sizeof what, "--%s", option->name);
		if (option->kind != CLI_FLAG && !is_open(option->completes))
			ok = check_word(what, option->completes, strcmp(option->value, "LIST") == 0,
				slice_str(args->given[i].value));
	}
	for (size_t i = 0; ok && command && i < args->word_count; i++)
		if (!is_open(command->completes))
			ok = check_word(command->name, command->completes, false, args->words[i]);
	return ok;
}

bool cli_args_parse(struct cli *cli, int argc, char **argv, struct cli_args *ret)
{
	struct args_parser p = {.args = ret, .argc = argc, .argv = argv};
	bool options = true;

	*ret = (struct cli_args){0};
	p.words = arena_alloc(&cli->arena, (size_t)(argc + 1) * sizeof *p.words);
	p.given = arena_alloc(&cli->arena, (size_t)(argc + 1) * sizeof *p.given);
	ret->words = p.words;
	ret->given = p.given;
	for (p.at = 1; p.at < argc; p.at++) {
		const char *word = argv[p.at];

		if (options && strcmp(word, "--") == 0)
			options = false;
		else if (!options || !is_option(word))
			p.words[ret->word_count++] = slice_str(word);
		else if (!take_option(&p, word))
			return false;
	}
	return find_command(cli, ret) && check_options(ret, p.given) && check_count(ret) &&
	       check_words(ret);
}

static const struct cli_given *find(const struct cli_args *args, const char *name, size_t *at)
{
	while (*at < args->given_count) {
		const struct cli_given *given = &args->given[(*at)++];

		if (strcmp(given->option->name, name) == 0)
			return given;
	}
	return NULL;
}

bool cli_args_flag(const struct cli_args *args, const char *name)
{
	size_t at = 0;

	return find(args, name, &at) != NULL;
}

const char *cli_args_next(const struct cli_args *args, const char *name, size_t *at)
{
	const struct cli_given *given = find(args, name, at);

	return given ? given->value : NULL;
}

const char *cli_args_text(const struct cli_args *args, const char *name)
{
	size_t at = 0;

	return cli_args_next(args, name, &at);
}

bool cli_args_int(
	const struct cli_args *args, const char *name, int64_t min, int64_t max, int64_t *ret)
{
	const char *text = cli_args_text(args, name);
	int64_t value;

	if (!text)
		return true;
	if (!slice_int64(slice_str(text), &value) || value < min || value > max) {
		cli_say(CLI_USAGE, "--%s must be a whole number from %lld to %lld, not %s", name,
			(long long)min, (long long)max, text);
		return false;
	}
	*ret = value;
	return true;
}
