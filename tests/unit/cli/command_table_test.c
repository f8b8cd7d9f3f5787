/* SPDX-License-Identifier: MIT */
#include "cli/command_table.h"
#include "cli/duration.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "conf/scope.h"
#include "operation/operation.h"
#include "operation/pause.h"

/* Options may stand before the command: until it is known, one name must mean one thing. */
START_TEST(an_option_has_the_same_kind_in_all_commands)
{
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		for (const struct cli_option *o = c->options; o && o->name; o++) {
			const struct cli_option *any = cli_command_option(NULL, slice_str(o->name));

			ck_assert_ptr_nonnull(any);
			ck_assert_msg(any->kind == o->kind, "%s --%s", c->name, o->name);
			ck_assert_msg((o->kind == CLI_FLAG) == (o->value == NULL), "%s --%s",
				c->name, o->name);
			for (const struct cli_option *common = cli_common_options; common->name;
				common++)
				ck_assert_msg(strcmp(common->name, o->name) != 0, "%s --%s",
					c->name, o->name);
		}
	}
}
END_TEST

START_TEST(rows_are_whole)
{
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		ck_assert_msg(
			c->run && c->arguments && c->help && c->least <= c->most, "%s", c->name);
		ck_assert_msg((*c->arguments != '\0') == (c->most > 0), "%s", c->name);
		size_t n = strlen(c->help);

		ck_assert_msg(c->help[n - 1] == '.', "%s", c->name);
	}
}
END_TEST

static const char *found(const char *first, const char *second)
{
	struct slice words[] = {slice_str(first), slice_str(second)};
	size_t used;
	const struct cli_command *command = cli_command_find(words, second ? 2 : 1, &used);

	ck_assert_uint_le(used, 2);
	return command ? command->name : "none";
}

START_TEST(commands_are_found_by_one_word_or_two)
{
	ck_assert_str_eq(found("stats", NULL), "stats");
	ck_assert_str_eq(found("keys", "get"), "keys get");
	ck_assert_str_eq(found("ops", "cancel"), "ops cancel");
	ck_assert_str_eq(found("ops", "0123"), "ops");
	ck_assert_str_eq(found("keys", NULL), "none");
	ck_assert_str_eq(found("keys", "gets"), "none");
	ck_assert_str_eq(found("", NULL), "none");
	ck_assert(cli_command_begins(SLICE("keys")) && cli_command_begins(SLICE("token")));
	ck_assert(!cli_command_begins(SLICE("stats")) && !cli_command_begins(SLICE("key")));
}
END_TEST

static bool parse(struct cli *cli, struct cli_args *ret, int argc, const char *const *words)
{
	char *argv[16] = {(char *)"cachewarden"};
	FILE *before = stderr;
	bool ok;

	for (int i = 0; i < argc; i++)
		argv[i + 1] = (char *)words[i];
	stderr = fopen("/dev/null", "w");
	ok = cli_args_parse(cli, argc + 1, argv, ret);
	fclose(stderr);
	stderr = before;
	return ok;
}

#define PARSE(...) \
	parse(&cli, &args, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
		(const char *[]){__VA_ARGS__})

START_TEST(options_stand_anywhere)
{
	struct cli cli = {0};
	struct cli_args args;
	int64_t number = 0;
	size_t at = 0;

	ck_assert(PARSE(
		"--tag", "a", "--json", "keys", "set", "--tag=b", "k", "--ttl", "1m", "--", "-v"));
	ck_assert_str_eq(args.command->name, "keys set");
	ck_assert_uint_eq(args.word_count, 2);
	ck_assert(slice_is(args.words[0], "k") && slice_is(args.words[1], "-v"));
	ck_assert(cli_args_flag(&args, "json") && !cli_args_flag(&args, "help"));
	ck_assert_str_eq(cli_args_next(&args, "tag", &at), "a");
	ck_assert_str_eq(cli_args_next(&args, "tag", &at), "b");
	ck_assert_ptr_null(cli_args_next(&args, "tag", &at));
	ck_assert(cli_duration(&args, "ttl", &cli_duration_ttl, &number));
	ck_assert_int_eq(number, 60);
	ck_assert(PARSE("keys", "expire", "k", "-1") && slice_is(args.words[1], "-1"));
	ck_assert(PARSE("keys", "set", "k", "-") && slice_is(args.words[1], "-"));
	ck_assert(PARSE("invalidate", "-y", "a*") && cli_args_flag(&args, "yes"));
	ck_assert(PARSE("--version") && !args.command);
	ck_assert(!PARSE("keys", "set", "k", "--ttl", "1", "--ttl=2"));
	ck_assert(!PARSE("stats", "--tag", "a"));
	ck_assert(!PARSE("stats", "-z") && !PARSE("stats", "-hv") && !PARSE("stats", "--tag"));
	ck_assert(!PARSE("--ttl", "1"));
	arena_release(&cli.arena);
}
END_TEST

static const char *words_of(const char *command, const char *option)
{
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		if (strcmp(c->name, command) != 0)
			continue;
		if (!option)
			return c->completes;
		const struct cli_option *o = cli_command_option(c, slice_str(option));

		return o ? o->completes : "none";
	}
	return "none";
}

static void add(struct buf *words, const char *word)
{
	buf_printf(words, "%s%s", words->n ? " " : "", word);
}

/* What the daemon knows is what may be typed, and the help names it. */
START_TEST(words_are_those_of_the_daemon)
{
	struct buf words = {0};

#define X(name, text, bit) add(&words, text);
	SCOPE_TABLE(X)
#undef X
	ck_assert_str_eq(words_of("token new", "scopes"), words.p);
	buf_clear(&words);
	for (enum operation_state s = OPERATION_QUEUED; s <= OPERATION_INTERRUPTED; s++)
		add(&words, operation_state_name(s));
	ck_assert_str_eq(words_of("ops", "state"), words.p);
	buf_clear(&words);
	for (enum pause what = 0; what < PAUSE_COUNT; what++)
		add(&words, pause_name(what));
	ck_assert_str_eq(words_of("pause", NULL), words.p);
	ck_assert_str_eq(words_of("resume", NULL), words.p);
	buf_release(&words);
}
END_TEST

START_TEST(the_help_names_all_words)
{
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		for (const struct cli_option *o = c->options; o && o->name; o++) {
			char word[64];

			/* Some say that there are more. */
			if (!o->completes || o->completes[0] == ':' || strstr(o->help, "..."))
				continue;
			for (const char *w = o->completes; *w;
				w += strcspn(w, " ") + (w[strcspn(w, " ")] == ' ')) {
				snprintf(word, sizeof word, "%.*s", (int)strcspn(w, " "), w);
				ck_assert_msg(strstr(o->help, word), "%s --%s: %s", c->name,
					o->name, word);
			}
		}
	}
}
END_TEST

START_TEST(words_outside_of_a_set_are_refused)
{
	struct cli cli = {0};
	struct cli_args args;

	ck_assert(PARSE("ops", "--state", "failed") && PARSE("ops", "--state=queued"));
	ck_assert(!PARSE("ops", "--state", "fail") && !PARSE("ops", "--state", "failed queued"));
	ck_assert(!PARSE("ops", "--state", "") && !PARSE("ops", "--state=Failed"));
	ck_assert(PARSE("token", "new", "--scopes", "read,warm") && PARSE("pause", "warming"));
	ck_assert(!PARSE("token", "new", "--scopes", "read,,warm"));
	ck_assert(!PARSE("token", "new", "--scopes", "read warm"));
	ck_assert(!PARSE("pause", "warming", "warm") && PARSE("warm", "anything"));
	arena_release(&cli.arena);
}
END_TEST

/* The words of a line as a shell has them, up to `|`, `>`, `<` or `&`: quotes, no escapes. */
static int split(char *line, const char **words)
{
	int count = 0;

	for (char *c = line; *c && !strchr("|<>&", *c);) {
		char quote = *c == '\'' ? *c : ' ';

		if (*c == ' ') {
			c++;
			continue;
		}
		words[count++] = quote == ' ' ? c : c + 1;
		c = strchr(quote == ' ' ? c : c + 1, quote);
		if (!c)
			break;
		*c++ = '\0';
	}
	return count;
}

/* What the examples say is taken, and is about the command. */
START_TEST(examples_are_right)
{
	struct cli cli = {0};
	struct cli_args args;
	size_t examples = 0;

	for (const struct cli_command *c = cli_commands; c->name; c++) {
		ck_assert_msg(c->hidden || c->examples, "%s", c->name);
		for (const char *text = c->examples; text && *text;) {
			const char *words[16];
			char line[256];

			snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
			text += strlen(line) + (text[strlen(line)] == '\n');
			if (line[0] == '#' || strncmp(line, "source", 6) == 0)
				continue;
			int count = split(line, words);

			ck_assert_str_eq(words[0], "cachewarden");
			ck_assert_msg(
				parse(&cli, &args, count - 1, words + 1), "%s: %s", c->name, text);
			ck_assert_msg(
				args.command == c || cli_args_flag(&args, "help"), "%s", c->name);
			examples++;
		}
	}
	ck_assert_uint_gt(examples, 40);
	arena_release(&cli.arena);
}
END_TEST

TEST_SUITE("cli_command_table", examples_are_right, words_are_those_of_the_daemon,
	the_help_names_all_words, words_outside_of_a_set_are_refused,
	an_option_has_the_same_kind_in_all_commands, rows_are_whole,
	commands_are_found_by_one_word_or_two, options_stand_anywhere)
