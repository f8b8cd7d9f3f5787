/* SPDX-License-Identifier: MIT */
/* cachewarden namespaces: what fills the cache, by a sample of its keys. */
#include <math.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/say.h"
#include "cli/view.h"

enum { usual_items = 20 };

/* Keys of the sample, by the words of --keys. */
static const struct key_list {
	const char *word, *member, *titles;
	const char *figure; /* its second column: bytes; NULL = share and counter of a hot key */
	const char *none;
} key_lists[] = {
	{"biggest", "biggest", "*KEY|>MEMORY", "memory_bytes",
		"No key of the sample is visible: it has none, or the token's key_prefixes leave "
		"them out."},
	{"hot", "hot/keys", "*KEY|>OF LOOKUPS|>COUNTER", NULL,
		"Which keys are hot is not known: Redis counts accesses with an LFU policy only, "
		"and "
		"the daemon looks itself with stats.namespaces.monitor."},
	{"unmatched", "unmatched/names", "*KEY|>MEMORY", "memory_bytes",
		"No key of the sample outside of all namespaces is visible: there is none, or the "
		"token's key_prefixes leave them out."},
};

static void print_keys(struct cli *cli, const struct key_list *list, struct json_value answer)
{
	struct cli_grid *grid = cli_grid_new(cli, list->titles);
	struct json_iter items = cli_view_each(answer, list->member);

	while (json_next(&items)) {
		cli_grid_add(grid, CLI_PLAIN, cli_cell_key(cli, items.value, "key"));
		if (list->figure) {
			cli_grid_add(
				grid, CLI_PLAIN, cli_cell_bytes_at(cli, items.value, list->figure));
			continue;
		}
		cli_grid_add(grid, CLI_PLAIN, cli_cell_ratio_at(cli, items.value, "share"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_count_at(cli, items.value, "frequency"));
	}
	cli_grid_print(grid);
	if (!cli_grid_rows(grid) && cli_view_text(cli, answer, "sample/method").p)
		cli_say_done(0, "%s", list->none);
}

/* `all_bytes`: the memory of all keys, NAN = not known. */
static void add_row(struct cli *cli, struct cli_grid *grid, const char *name, const char *kind,
	struct json_value row, double all_bytes)
{
	double share = cli_view_number(row, "bytes/value", (double)NAN) / all_bytes;

	cli_grid_add(grid, CLI_PLAIN, name);
	cli_grid_add(grid, CLI_PLAIN, kind);
	cli_grid_add(grid, CLI_PLAIN, cli_cell_count_at(cli, row, "keys/value"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_ratio_at(cli, row, "share/value"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_bytes_at(cli, row, "bytes/value"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_ratio(cli, share));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_ratio_at(cli, row, "ttl/none"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_ratio_at(cli, row, "idle"));
	cli_grid_add(grid, CLI_PLAIN, cli_cell_ratio_at(cli, row, "daemon/hit_rate"));
}

static void print_rows(struct cli *cli, struct json_value answer)
{
	struct cli_grid *grid = cli_grid_new(cli, "*NAMESPACE|?3KIND|>KEYS|?4>OF KEYS|>MEMORY|>OF "
						  "MEMORY|?5>NO TTL|?2>IDLE|?1>HIT RATE");
	struct json_iter items = cli_view_each(answer, "items");
	double bytes = cli_view_number(answer, "all/bytes/value", (double)NAN);
	bool more = cli_view_text(cli, answer, "next").p != NULL;
	struct json_value rest;

	while (json_next(&items))
		add_row(cli, grid, cli_cell_text(cli, items.value, "namespace"),
			cli_cell_text(cli, items.value, "kind"), items.value, bytes);
	/* What is in none of them, so that the shares are of a whole. */
	if (!more && cli_view(answer, "unmatched", &rest) &&
		cli_view_number(rest, "sampled", 0) > 0)
		add_row(cli, grid, "(none)", "unmatched", rest, bytes);
	cli_grid_print(grid);
	if (more)
		cli_say_done(0, "There are more: --limit shows them.");
}

/* How much the figures are worth. */
static int say_sample(struct cli *cli, struct json_value answer)
{
	struct slice reason = cli_view_text(cli, answer, "reason");

	if (reason.n)
		cli_say_done(0, "The last sample failed: %s", reason.p);
	if (cli_view_is(answer, "state", "off"))
		return cli_say_done(CLI_DONE, "Samples are off: stats.namespaces.every is 0.");
	if (!cli_view_text(cli, answer, "sample/method").p)
		return cli_say_done(CLI_DONE,
			"The first sample is yet to come, 10 s after the start "
			"of the daemon.");
	return cli_say_done(CLI_DONE, "%s of %s keys looked at (%s), %s ago%s.",
		cli_cell_count_at(cli, answer, "sample/keys"),
		cli_cell_count_at(cli, answer, "sample/of"),
		cli_cell_text(cli, answer, "sample/method"),
		cli_cell_span_at(cli, answer, "age_seconds"),
		cli_view_is(answer, "state", "sampling") ? "; the sample is still being taken"
							 : "");
}

int cli_namespaces(struct cli *cli, const struct cli_args *args)
{
	const char *sort = cli_args_text(args, "sort"), *word = cli_args_text(args, "keys");
	const struct key_list *list = NULL;
	int64_t limit = usual_items;
	struct cli_answer answer;

	if (word && (sort || cli_args_text(args, "limit")))
		return cli_say(CLI_USAGE,
			"--keys shows the keys that the sample has kept, up to 20; "
			"--sort and --limit are about namespaces");
	if (!cli_args_int(args, "limit", 1, 1000, &limit))
		return CLI_USAGE;
	for (size_t i = 0; word && i < sizeof key_lists / sizeof *key_lists; i++)
		if (slice_is(slice_str(word), key_lists[i].word))
			list = &key_lists[i];
	int exit = cli_client_get(cli,
		cli_cell_format(cli, CLI_ADMIN "/namespaces?limit=%lld&sort=%s", (long long)limit,
			sort ? sort : "keys"),
		&answer);

	if (exit || cli->json)
		return exit;
	if (list)
		print_keys(cli, list, answer.json);
	else
		print_rows(cli, answer.json);
	return say_sample(cli, answer.json);
}
