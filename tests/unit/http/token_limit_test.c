/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "http/private.h"

enum { names = 1000, longest = 40 };

/* Names of every length, so that each way through the hash function is taken. */
static const char *name_of(unsigned i)
{
	static char name[longest + 1];

	memset(name, 'a' + (int)(i % 26), longest);
	snprintf(name, sizeof name, "%u", i);
	name[strlen(name)] = '-';
	name[5 + i % (longest - 5)] = '\0';
	return name;
}

START_TEST(each_name_has_a_limit_of_its_own)
{
	struct token_limits *limits = token_limits_new();
	struct limit *first[names];

	for (unsigned i = 0; i < names; i++) {
		first[i] = token_limit(limits, name_of(i));
		ck_assert(limit_take(first[i], 1000000000, 1, 0, NULL));
	}
	for (unsigned i = 0; i < names; i++) {
		ck_assert_ptr_eq(token_limit(limits, name_of(i)), first[i]);
		ck_assert(!limit_take(first[i], 1000000000, 1, 0, NULL));
	}
	/* The shortest names that there are. */
	ck_assert_ptr_ne(token_limit(limits, ""), token_limit(limits, "a"));
	token_limits_free(limits);
}
END_TEST

/* What a reload keeps: a limit that has been used up stays so; names that are gone begin anew. */
START_TEST(a_reload_keeps_the_limits_of_the_names_that_stay)
{
	struct token_limits *limits = token_limits_new();
	struct conf_token *tokens = calloc(names, sizeof *tokens);
	struct conf conf = {.tokens = tokens};

	for (unsigned i = 0; i < names; i++)
		ck_assert(limit_take(token_limit(limits, name_of(i)), 1000000000, 1, 0, NULL));
	for (unsigned i = 0; i < names; i += 2)
		tokens[conf.token_count++].name = strdup(name_of(i));
	token_limits_prune(limits, &conf);
	for (unsigned i = 0; i < names; i++)
		ck_assert_int_eq(
			limit_take(token_limit(limits, name_of(i)), 1000000000, 1, 0, NULL), i % 2);
	while (conf.token_count > 0)
		free(tokens[--conf.token_count].name);
	token_limits_prune(limits, &conf);
	for (unsigned i = 0; i < names; i++)
		ck_assert(limit_take(token_limit(limits, name_of(i)), 1000000000, 1, 0, NULL));
	free(tokens);
	token_limits_free(limits);
	token_limits_free(NULL);
}
END_TEST

TEST_SUITE("token_limit", each_name_has_a_limit_of_its_own,
	a_reload_keeps_the_limits_of_the_names_that_stay)
