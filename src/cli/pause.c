/* SPDX-License-Identifier: MIT */
/* cachewarden pause and cachewarden resume. */
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/duration.h"
#include "cli/grid.h"
#include "cli/quote.h"
#include "cli/say.h"
#include "cli/view.h"

/* The body's members; false after saying what is wrong. */
static bool add_body(const struct cli_args *args, const char *note, struct buf *out)
{
	static const struct cli_duration_limits limits = {.min = 1, .max = 7 * 86400};
	int64_t seconds = 3600;

	if (!cli_duration(args, "for", &limits, &seconds))
		return false;
	buf_str(out, "{");
	for (size_t i = 0; i < args->word_count; i++) {
		buf_str(out, i ? "," : "\"what\":[");
		if (!cli_quote(out, "kind of work", args->words[i]))
			return false;
	}
	if (args->word_count)
		buf_char(out, ']');
	if (cli_args_text(args, "for"))
		buf_printf(out, "%s\"for\":%lld", args->word_count ? "," : "", (long long)seconds);
	if (note) {
		buf_str(out, out->n > 1 ? ",\"note\":" : "\"note\":");
		if (!cli_quote(out, "note", slice_str(note)))
			return false;
	}
	buf_char(out, '}');
	return true;
}

static int show(struct cli *cli, struct json_value answer)
{
	struct cli_grid *grid = cli_grid_new(cli, "WORK|STATE|ENDS|BY|*NOTE");
	struct json_iter all = cli_view_each(answer, "paused");

	while (json_next(&all)) {
		bool paused = all.value.type == JSON_OBJECT;

		cli_grid_add_slice(grid, CLI_PLAIN, all.name);
		cli_grid_add(grid, paused ? CLI_WARN : CLI_GOOD, paused ? "paused" : "runs");
		cli_grid_add(grid, CLI_PLAIN, cli_cell_when(cli, all.value, "until"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, all.value, "by"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, all.value, "note"));
	}
	cli_grid_print(grid);
	return CLI_DONE;
}

static int send_it(struct cli *cli, const struct cli_args *args, const char *path)
{
	struct cli_answer answer;
	struct buf body = {0};
	bool ok = add_body(args, cli_args_text(args, "note"), &body);
	struct slice text = arena_take(&cli->arena, &body);

	if (!ok)
		return CLI_USAGE;
	int exit = cli_client_json(
		cli, &(struct cli_request){.method = "POST", .path = path, .body = text}, &answer);

	return exit || cli->json ? exit : show(cli, answer.json);
}

int cli_pause(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;

	if (args->word_count)
		return send_it(cli, args, CLI_ADMIN "/pause");
	if (cli_args_text(args, "for") || cli_args_text(args, "note"))
		return cli_say(CLI_USAGE, "what shall be paused: cachewarden pause warming, or "
					  "invalidation, or both");
	int exit = cli_client_get(cli, CLI_ADMIN "/pause", &answer);

	return exit || cli->json ? exit : show(cli, answer.json);
}

int cli_pause_end(struct cli *cli, const struct cli_args *args)
{
	return send_it(cli, args, CLI_ADMIN "/resume");
}
