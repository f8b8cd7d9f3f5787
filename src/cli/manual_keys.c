/* SPDX-License-Identifier: MIT */
/* cachewarden.yaml(5), made from the table of keys. */
#include <stdio.h>
#include <string.h>

#include "cli/manual.h"
#include "conf/table.h"

static void sentence(const char *before, const char *text, const char *after)
{
	char line[1024];

	snprintf(line, sizeof line, "%s%s%s", before, text, after);
	cli_manual_text(line);
	putchar('\n');
}

static void section(const struct section *section);

static void key(const struct key *key)
{
	printf(".It Sy ");
	cli_manual_text(key->path);
	putchar('\n');
	sentence("", key->help, ".");
	if (key->choices)
		sentence("One of ", key->choices, ".");
	if (key->def)
		sentence("Default: ", key->def, ".");
	if (key->flags & KEY_REQUIRED)
		puts("It must be given.");
	if (key->flags & KEY_RESTART)
		puts("A reload cannot change it.");
	if (key->section)
		section(key->section);
}

static void section(const struct section *section)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < section->count; i++)
		if (!(section->keys[i].flags & KEY_LATER) && section->keys[i].help)
			key(&section->keys[i]);
	puts(".El");
}

void cli_manual_keys(void)
{
	puts(".Dd " CLI_MANUAL_DATE
	     "\n.Dt CACHEWARDEN.YAML 5\n.Os\n.Sh NAME\n.Nm cachewarden.yaml\n"
	     ".Nd configuration of cachewardend\n.Sh SYNOPSIS\n.Pa " CONF_DEFAULT_FILE "\n"
	     ".Sh DESCRIPTION\nYAML without anchors, aliases, tags and merge keys.\n"
	     "Unknown and duplicate keys are faults, each reported with its line by\n"
	     ".Ql cachewardend \\-\\-check\\-config .\n"
	     "Sizes are written as 64KiB, durations as 250ms, 1h30m or 7d.\n"
	     "${env:NAME} in a text takes an environment variable.\n"
	     "A reload takes effect as a whole or not at all.\n.Pp\n"
	     "The keys are, with dots between the levels:");
	section(&section_root);
	puts(".Sh EXAMPLES\n.Bd -literal -offset indent\nlisten: [127.0.0.1:8480]\n"
	     "redis: {url: \\(dqredis://localhost:6379/0\\(dq}\nwarm:\n  jobs:\n"
	     "    \\- name: rates\n      schedule: {every: 1h}\n"
	     "      source: {type: file, path: /srv/rates.csv, format: csv}\n"
	     "      key: \\(dqrate:{code}\\(dq\n.Ed\n"
	     ".Sh SEE ALSO\n.Xr cachewarden 1 ,\n.Xr cachewardend 8");
}
