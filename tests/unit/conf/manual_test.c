/* SPDX-License-Identifier: MIT */
/* The table of keys against its manual, docs/config.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "conf/table.h"

static char manual[65536];

static void read_manual(void)
{
	FILE *file = fopen("docs/config.md", "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_gt(fread(manual, 1, sizeof manual - 1, file), 0);
	fclose(file);
}

static void in_manual(const char *prefix, const struct key *key)
{
	struct buf cell = {0};
	const char *line, *end, *found;

	/* A supported key begins a line of a table, a later one is only named. */
	buf_printf(&cell, "%s`%s%s`", key->flags & KEY_LATER ? "" : "\n| ", prefix, key->path);
	line = strstr(manual, cell.p);
	ck_assert_msg(line, "%s is not in docs/config.md", cell.p);
	end = strchr(line + 1, '\n');
	if (!(key->flags & KEY_LATER) && key->def) {
		buf_clear(&cell);
		buf_printf(&cell, "| `%s` |", key->def);
		found = strstr(line, cell.p);
		ck_assert_msg(found && found < end, "%s: default %s", key->path, key->def);
	}
	if (!(key->flags & KEY_LATER) && (key->flags & KEY_RESTART)) {
		found = strcasestr(line, "**restart");
		ck_assert_msg(found && found < end, "%s: restart", key->path);
	}
	buf_release(&cell);
}

static const struct {
	const char *prefix;
	const struct section *section;
} sections[] = {
	{"", &section_root},
	{"auth.tokens[].", &section_token},
	{"cache.namespaces[].", &section_namespace},
	{"entities.NAME.", &section_entity},
	{"dependencies[].", &section_dependency},
	{"sources.NAME.", &section_source},
	{"warm.jobs[].", &section_job},
	{"loaders.NAME.", &section_loader},
	{"alerts[].", &section_alert},
	{"notify[].", &section_webhook},
};

enum { section_count = sizeof sections / sizeof *sections };

START_TEST(every_key_is_in_the_manual)
{
	size_t rows = 0, lines = 0;

	read_manual();
	for (size_t i = 0; i < section_count; i++) {
		for (size_t j = 0; j < sections[i].section->count; j++) {
			const struct key *key = &sections[i].section->keys[j];

			in_manual(sections[i].prefix, key);
			rows += !(key->flags & KEY_LATER);
		}
	}
	/* And nothing stands there that no row knows. */
	for (const char *at = manual; (at = strstr(at, "\n| `")); at++)
		lines++;
	ck_assert_uint_eq(lines, rows);
}
END_TEST

/* Each row is complete enough for a reader of the manual, and its default is acceptable. */
START_TEST(each_row_of_the_table_is_consistent)
{
	for (size_t i = 0; i < section_count; i++) {
		for (size_t j = 0; j < sections[i].section->count; j++) {
			const struct key *key = &sections[i].section->keys[j];

			ck_assert_msg(key->help && *key->help, "%s", key->path);
			ck_assert_msg(
				key->type && !key->type->set != !key->type->list, "%s", key->path);
			ck_assert_msg(!key->max || key->min <= key->max, "%s", key->path);
			ck_assert_ptr_eq(section_key(sections[i].section, key->path), key);
		}
	}
}
END_TEST

TEST_SUITE("conf_manual", every_key_is_in_the_manual, each_row_of_the_table_is_consistent)
