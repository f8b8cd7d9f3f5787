/* SPDX-License-Identifier: MIT */
#include "redis/key_place.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"

START_TEST(every_row_is_found)
{
	/* The table is searched by halves: each name of its source must be found. */
	FILE *source = fopen("src/redis/key_place.c", "r");
	char line[200], name[40], upper[40];
	struct key_place place;
	size_t found = 0;

	ck_assert_ptr_nonnull(source);
	while (fgets(line, sizeof line, source)) {
		if (sscanf(line, " {\"%39[a-z_]\", {", name) != 1)
			continue;
		ck_assert_msg(key_place_of(slice_str(name), &place), "%s", name);
		for (size_t i = 0; i <= strlen(name); i++)
			upper[i] = (char)(name[i] >= 'a' ? name[i] - 32 : name[i]);
		if (!strchr(name, '_'))
			ck_assert_msg(key_place_of(slice_str(upper), &place), "%s", upper);
		found++;
	}
	fclose(source);
	ck_assert_uint_gt(found, 150);
}
END_TEST

START_TEST(places_are_those_of_the_commands)
{
	static const struct {
		const char *name;
		unsigned first, step;
		bool counted, reads;
	} cases[] = {{"GET", 1, 0, false, true}, {"mget", 1, 1, false, true},
		{"MSET", 1, 2, false, false}, {"object", 2, 0, false, false},
		{"evalsha", 3, 1, true, false}, {"zunion", 2, 1, true, true},
		{"set", 1, 0, false, false}};
	struct key_place place;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert(key_place_of(slice_str(cases[i].name), &place));
		ck_assert_uint_eq(place.first, cases[i].first);
		ck_assert_uint_eq(place.step, cases[i].step);
		ck_assert(place.counted == cases[i].counted && place.reads == cases[i].reads);
	}
	ck_assert(!key_place_of(SLICE("config"), &place));
	ck_assert(!key_place_of(SLICE("AUTH"), &place));
	ck_assert(!key_place_of(SLICE(""), &place));
	ck_assert(!key_place_of(SLICE("get\0"), &place));
	ck_assert(!key_place_of(SLICE("a name that no command of any server has"), &place));
}
END_TEST

TEST_SUITE("key_place", every_row_is_found, places_are_those_of_the_commands)
