/* SPDX-License-Identifier: MIT */
/* Names that the daemon knows; see known.h. */
#include "cli/known.h"

#include <string.h>

#include "cli/client.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "cli/view.h"

enum { usual_seconds = 5, max_named = 20 };

static const struct cli_known known_names[] = {
	{":jobs", CLI_ADMIN "/warm", "jobs", "name", NULL, "jobs"},
	{":tags", CLI_ADMIN "/tags?limit=1000", "items", "tag", NULL, "tags"},
	{":operations", CLI_ADMIN "/operations?limit=50", "items", "operation_id", "state",
		"operations"},
	{":entities", CLI_ADMIN "/config", "entities", NULL, NULL, "entities"},
};

const struct cli_known *cli_known_find(const char *what)
{
	for (size_t i = 0; i < sizeof known_names / sizeof *known_names; i++)
		if (strcmp(what, known_names[i].what) == 0)
			return &known_names[i];
	return NULL;
}

bool cli_known_ask(
	struct cli *cli, const struct cli_known *known, int seconds, struct json_iter *ret)
{
	struct cli_answer answer;

	if (cli_client_json(cli,
		    &(struct cli_request){.path = known->path, .seconds = seconds, .quiet = true},
		    &answer))
		return false;
	*ret = cli_view_each(answer.json, known->list);
	return true;
}

struct slice cli_known_name(
	struct cli *cli, const struct cli_known *known, const struct json_iter *it)
{
	return known->member ? cli_view_text(cli, it->value, known->member) : it->name;
}

void cli_known_say(struct cli *cli, const char *what, struct slice typed)
{
	const struct cli_known *known = cli_known_find(what);
	struct cli_suggestion suggestion = cli_suggest_begin(typed);
	struct buf line = {0}, all = {0};
	size_t count = 0;
	bool there = false;
	struct json_iter it;

	if (!known || !cli_known_ask(cli, known, usual_seconds, &it))
		return;
	for (; json_next(&it); count++) {
		struct slice name = arena_slice(&cli->arena, cli_known_name(cli, known, &it));

		there |= slice_equal(name, typed);
		cli_suggest_consider(&suggestion, name);
		if (count < max_named)
			buf_printf(&all, "%s%.*s", all.n ? ", " : "", (int)name.n, name.p);
	}
	if (suggestion.best.n)
		buf_printf(&line, "Did you mean %.*s? ", (int)suggestion.best.n, suggestion.best.p);
	if (count)
		buf_printf(&line, "The %s are %s%s.", known->plural, all.p,
			count > max_named ? ", ..." : "");
	else
		buf_printf(&line, "No %s are visible to this token.", known->plural);
	if (!there)
		cli_say_done(0, "%s", line.p);
	buf_release(&line);
	buf_release(&all);
}
