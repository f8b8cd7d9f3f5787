/* SPDX-License-Identifier: MIT */
#include "../unit.h"
#include "conf/query.h"

static const struct {
	const char *query;
	unsigned most;
} queries[] = {
	{"", 0},
	{"$", 0},
	{"SELECT 1", 0},
	{"SELECT $1", 1},
	{"SELECT $2, $10, $3", 10},
	{"$1", 1},
	{"WHERE a=$1 AND b>$2::int", 2},
	{"'$1'", 0},
	{"'it''s $1', $2", 2},
	{"'\\', $1", 1}, /* a backslash is an ordinary character */
	{"E'\\', $1'", 0},
	{"e'\\'', $3", 3},
	{"\"$1\"", 0},
	{"\"a\"\"$1\" = $2", 2},
	{"-- $1", 0},
	{"-- $1\n$2", 2},
	{"/* $1 /* $2 */ $3 */ $4", 4},
	{"/* $1", 0},
	{"$$ $1 $$", 0},
	{"$a$ $1 $b$ $2 $a$ $3", 3},
	{"$a1$ $1 $a1$", 0},
	{"$a $1", 1}, /* not a tag */
	{"a$1", 0},   /* the name of a column */
	{"tab1$2, $1", 1},
	{"\xC3\xA9$1", 0},
	{"$99999999999999999999", 65535},
	{"'$1", 0},
	{"$a$ $1", 0},
	{"a - $1 / $2", 2},
};

START_TEST(parameters_are_found_outside_of_texts)
{
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		unsigned most = query_params(slice_str(queries[i].query));

		ck_assert_msg(most == queries[i].most, "%s: %u", queries[i].query, most);
	}
}
END_TEST

START_TEST(one_parameter_may_be_missing)
{
	struct slice query = SLICE("SELECT $3, $1, '$2'");

	ck_assert(query_has_param(query, 1) && query_has_param(query, 3));
	ck_assert(!query_has_param(query, 2) && !query_has_param(query, 4));
}
END_TEST

TEST_SUITE("query", parameters_are_found_outside_of_texts, one_parameter_may_be_missing)
