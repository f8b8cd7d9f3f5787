/* SPDX-License-Identifier: MIT */
#include "cli/refusal.h"

#include "../unit.h"
#include "cli/args_parse.h"

static void check(const struct cli *cli, const char *text, const char *expected)
{
	struct buf out = {0};

	cli_refusal_translate(cli, slice_str(text), &out);
	ck_assert_str_eq(out.p, expected);
	buf_release(&out);
}

START_TEST(routes_and_members_become_commands_and_options)
{
	struct cli cli = {0};

	check(&cli, "/note is longer than 200 bytes", "--note is longer than 200 bytes");
	check(&cli, "a key is in both /add and /remove", "a key is in both --add and --remove");
	check(&cli, "the query parameter limit must be 1", "--limit must be 1");
	check(&cli, "the parameter since is wrong", "--since is wrong");
	check(&cli, "more keys; max_keys is 5", "more keys; --max-keys is 5");
	check(&cli, "/dependents_of/3 is empty", "--dependents-of is empty");
	check(&cli, "/entities/user/0 is empty", "--entity user is empty");
	/* What is not known, or is quoted, stays. */
	check(&cli, "the query parameter nope is not known",
		"the query parameter nope is not known");
	check(&cli, "'/note' and a/note and /nope and /", "'/note' and a/note and /nope and /");
	check(&cli, "there is no warm job 'max_keys'", "there is no warm job 'max_keys'");
	check(&cli, "/", "/");
}
END_TEST

START_TEST(elements_are_what_was_typed)
{
	struct cli cli = {0};
	struct cli_args args;
	char *invalidate[] = {(char *)"", (char *)"invalidate", (char *)"a*", (char *)"b*",
		(char *)"--key", (char *)"k:0", (char *)"--key=k:1", (char *)"--tag", (char *)""};
	char *del[] = {(char *)"", (char *)"keys", (char *)"del", (char *)"k:0", (char *)"k:1"};

	ck_assert(cli_args_parse(&cli, 9, invalidate, &args));
	cli.args = &args;
	check(&cli, "/patterns/1 is bad", "the pattern b* is bad");
	check(&cli, "/patterns/2 is bad", "the pattern is bad");
	check(&cli, "/patterns is bad", "the pattern is bad");
	check(&cli, "/keys/1: it is bad", "--key k:1: it is bad");
	check(&cli, "/keys/2 is bad", "--key is bad");
	check(&cli, "/tags/0 must not be empty", "--tag must not be empty");
	check(&cli, "/keys/-1 is bad", "--key is bad");
	check(&cli, "/keys/99999999999999999999 is bad", "--key is bad");
	ck_assert(cli_args_parse(&cli, 5, del, &args));
	check(&cli, "/keys/1 is bad", "the key k:1 is bad");
	arena_release(&cli.arena);
}
END_TEST

TEST_SUITE(
	"cli_refusal", routes_and_members_become_commands_and_options, elements_are_what_was_typed)
