/* SPDX-License-Identifier: MIT */
#include "http/limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "conf/conf.h"

enum { ms = 1000000 };

START_TEST(a_burst_passes_and_then_one_per_interval)
{
	struct limit limit = {0};
	int wait_s = 0;

	for (int i = 0; i < 10; i++)
		ck_assert(limit_take(&limit, 100 * ms, 10, 5000 * (int64_t)ms, &wait_s));
	ck_assert(!limit_take(&limit, 100 * ms, 10, 5000 * (int64_t)ms, &wait_s));
	ck_assert_int_eq(wait_s, 1);
	ck_assert(!limit_take(&limit, 100 * ms, 10, 5099 * (int64_t)ms, &wait_s));
	ck_assert(limit_take(&limit, 100 * ms, 10, 5100 * (int64_t)ms, &wait_s));
	ck_assert(!limit_take(&limit, 100 * ms, 10, 5100 * (int64_t)ms, &wait_s));
}
END_TEST

START_TEST(the_wait_is_given_in_whole_seconds)
{
	struct limit limit = {0};
	int wait_s = 0;

	ck_assert(limit_take(&limit, 6000 * (int64_t)ms, 1, 0, &wait_s));
	ck_assert(!limit_take(&limit, 6000 * (int64_t)ms, 1, 0, &wait_s));
	ck_assert_int_eq(wait_s, 6);
	ck_assert(!limit_take(&limit, 6000 * (int64_t)ms, 1, 5500 * (int64_t)ms, &wait_s));
	ck_assert_int_eq(wait_s, 1);
}
END_TEST

START_TEST(refused_requests_use_up_nothing)
{
	struct limit limit = {0};

	ck_assert(limit_take(&limit, 10 * ms, 1, 0, NULL));
	for (int i = 0; i < 1000; i++)
		ck_assert(!limit_take(&limit, 10 * ms, 1, ms, NULL));
	ck_assert(!limit_idle(&limit, 9 * ms));
	ck_assert(limit_idle(&limit, 10 * ms));
	ck_assert(limit_take(&limit, 10 * ms, 1, 10 * ms, NULL));
}
END_TEST

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
	struct limits *limits = limits_new();
	struct limit *first[names];

	for (unsigned i = 0; i < names; i++) {
		first[i] = limits_of(limits, name_of(i));
		ck_assert(limit_take(first[i], 1000000000, 1, 0, NULL));
	}
	for (unsigned i = 0; i < names; i++) {
		ck_assert_ptr_eq(limits_of(limits, name_of(i)), first[i]);
		ck_assert(!limit_take(first[i], 1000000000, 1, 0, NULL));
	}
	/* The shortest names that there are. */
	ck_assert_ptr_ne(limits_of(limits, ""), limits_of(limits, "a"));
	limits_free(limits);
}
END_TEST

/* What a reload keeps: a limit that has been used up stays so; names that are gone begin anew. */
START_TEST(a_reload_keeps_the_limits_of_the_names_that_stay)
{
	struct limits *limits = limits_new();
	struct conf_token *tokens = calloc(names, sizeof *tokens);
	struct conf conf = {.tokens = tokens};

	for (unsigned i = 0; i < names; i++)
		ck_assert(limit_take(limits_of(limits, name_of(i)), 1000000000, 1, 0, NULL));
	for (unsigned i = 0; i < names; i += 2)
		tokens[conf.token_count++].name = strdup(name_of(i));
	limits_prune(limits, &conf);
	for (unsigned i = 0; i < names; i++)
		ck_assert_int_eq(
			limit_take(limits_of(limits, name_of(i)), 1000000000, 1, 0, NULL), i % 2);
	while (conf.token_count > 0)
		free(tokens[--conf.token_count].name);
	limits_prune(limits, &conf);
	for (unsigned i = 0; i < names; i++)
		ck_assert(limit_take(limits_of(limits, name_of(i)), 1000000000, 1, 0, NULL));
	free(tokens);
	limits_free(limits);
	limits_free(NULL);
}
END_TEST

TEST_SUITE("limit", a_burst_passes_and_then_one_per_interval, the_wait_is_given_in_whole_seconds,
	refused_requests_use_up_nothing, each_name_has_a_limit_of_its_own,
	a_reload_keeps_the_limits_of_the_names_that_stay)
