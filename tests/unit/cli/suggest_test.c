/* SPDX-License-Identifier: MIT */
#include "cli/suggest.h"

#include "../unit.h"

static const char *command(struct cli *cli, const char *first, const char *word)
{
	const char *found = cli_suggest_command(cli, slice_str(first), slice_str(word));

	return found ? found : "none";
}

static const char *option(const char *word)
{
	const char *found = cli_suggest_option(NULL, slice_str(word));

	return found ? found : "none";
}

static const char *option_of(const char *name, const char *word)
{
	struct slice words[] = {slice_str(name)};
	size_t used;
	const char *found = cli_suggest_option(cli_command_find(words, 1, &used), slice_str(word));

	return found ? found : "none";
}

START_TEST(what_is_near_is_meant)
{
	struct cli cli = {0};

	ck_assert_str_eq(command(&cli, "", "stat"), "stats");
	ck_assert_str_eq(command(&cli, "", "helath"), "health");
	ck_assert_str_eq(command(&cli, "", "key"), "keys");
	ck_assert_str_eq(command(&cli, "", "invalid"), "invalidate");
	ck_assert_str_eq(command(&cli, "keys", "delete"), "none");
	ck_assert_str_eq(command(&cli, "keys", "dell"), "del");
	ck_assert_str_eq(command(&cli, "ops", "cancle"), "cancel");
	ck_assert_str_eq(option("notr"), "note");
	ck_assert_str_eq(option("dryrun"), "dry-run");
	ck_assert_str_eq(option("max-key"), "max-keys");
	ck_assert_str_eq(option("stat"), "state");
	ck_assert_str_eq(option_of("ops", "stat"), "state");
	ck_assert_str_eq(option_of("jobs", "stat"), "none");
	ck_assert_str_eq(option_of("jobs", "jsn"), "json");
	arena_release(&cli.arena);
}
END_TEST

START_TEST(what_is_far_is_not)
{
	struct cli cli = {0};
	static const char long_word[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";

	ck_assert_str_eq(command(&cli, "", ""), "none");
	ck_assert_str_eq(command(&cli, "", "x"), "none");
	ck_assert_str_eq(command(&cli, "", "xy"), "none");
	ck_assert_str_eq(command(&cli, "", "delete"), "none");
	ck_assert_str_eq(command(&cli, "", "__complet"), "none");
	ck_assert_str_eq(command(&cli, "", long_word), "none");
	ck_assert_str_eq(command(&cli, "stats", "x"), "none");
	ck_assert_str_eq(option(""), "none");
	ck_assert_str_eq(option("q"), "none");
	ck_assert_str_eq(option(long_word), "none");
	arena_release(&cli.arena);
}
END_TEST

TEST_SUITE("cli_suggest", what_is_near_is_meant, what_is_far_is_not)
