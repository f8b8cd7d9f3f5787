/* SPDX-License-Identifier: MIT */
#include "watch/diagnosis_memory.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"

#define MIB ((int64_t)1024 * 1024)

START_TEST(the_limit_fits_the_machine_and_what_is_used)
{
	static const struct {
		int64_t total, used; /* MiB; -1 = not known */
		size_t servers;
		int64_t limit;
		const char *why;
	} cases[] = {
		{24000, 100, 1, 12000, "half of the machine's 24000mb: "},
		{24000, 100, 0, 12000, "half of the machine's 24000mb: "},
		{24000, 100, 3, 4000, "shared by 3 servers"},
		/* What is used is more than that: a limit below it would evict at once. */
		{24000, 20000, 1, 22002, "a tenth more than the 20001mb that it uses now"},
		{24000, 10909, 1, 12002, "a tenth more"},
		{24000, 10900, 1, 12000, "half"},
		{-1, 100, 1, 202, "twice the 101mb"},
		{0, 3, 1, 64, "twice the 4mb"},
		{-1, -1, 1, 64, "twice the 0mb"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct redis_info info = {
			.total_system_memory = cases[i].total < 0 ? -1 : cases[i].total * MIB,
			.used_memory = cases[i].used < 0 ? -1 : cases[i].used * MIB};
		struct buf why = {0};
		int64_t mib = diagnosis_memory_limit(&info, cases[i].servers, &why);

		ck_assert_msg(mib == cases[i].limit, "case %zu: %lld", i, (long long)mib);
		ck_assert_msg(strstr(why.p, cases[i].why), "case %zu: %s", i, why.p);
		buf_release(&why);
	}
}
END_TEST

START_TEST(the_policy_keeps_the_algorithm_and_suits_the_keys)
{
	static const struct {
		const char *policy, *expiring, *persistent;
	} cases[] = {{"noeviction", "volatile-lru", "allkeys-lru"},
		{"allkeys-lru", "volatile-lru", "allkeys-lru"},
		{"allkeys-lfu", "volatile-lfu", "allkeys-lfu"},
		{"allkeys-random", "volatile-random", "allkeys-random"},
		{"allkeys-lrm", "volatile-lrm", "allkeys-lrm"},
		{"volatile-ttl", "volatile-ttl", "allkeys-lru"},
		{"", "volatile-lru", "allkeys-lru"}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct redis_info info = {.keys = 10, .expiring = 5};

		snprintf(info.policy, sizeof info.policy, "%s", cases[i].policy);
		ck_assert_str_eq(diagnosis_memory_policy(&info), cases[i].expiring);
		info.expiring = 4;
		ck_assert_str_eq(diagnosis_memory_policy(&info), cases[i].persistent);
	}
}
END_TEST

START_TEST(why_tells_of_keys_without_expiry_if_they_are_most)
{
	static const struct {
		int64_t keys, expiring;
		bool told;
	} cases[] = {{10, 4, true}, {10, 5, false}, {10, 10, false}, {0, 0, false}, {-1, -1, false},
		{10, -1, false}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct redis_info info = {.keys = cases[i].keys, .expiring = cases[i].expiring};
		struct buf out = {0};

		diagnosis_memory_why(&info, &out);
		ck_assert_msg(
			(strstr(out.p, "6 of 10 keys do not expire") != NULL) == cases[i].told,
			"case %zu: %s", i, out.p);
		ck_assert_int_eq(strstr(out.p, "protected ones among them") != NULL, cases[i].told);
		ck_assert_int_eq(diagnosis_memory_is_persistent(&info), cases[i].told);
		buf_release(&out);
	}
}
END_TEST

TEST_SUITE("diagnosis_memory", the_limit_fits_the_machine_and_what_is_used,
	the_policy_keeps_the_algorithm_and_suits_the_keys,
	why_tells_of_keys_without_expiry_if_they_are_most)
