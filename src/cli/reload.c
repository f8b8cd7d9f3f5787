/* SPDX-License-Identifier: MIT */
/* cachewarden reload. */
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/quote.h"
#include "cli/say.h"

int cli_reload(struct cli *cli, const struct cli_args *args)
{
	const char *note = cli_args_text(args, "note");
	struct cli_answer answer;
	struct buf body = {0};
	bool ok = true;

	buf_char(&body, '{');
	if (note) {
		buf_str(&body, "\"note\":");
		ok = cli_quote(&body, "note", slice_str(note));
	}
	buf_char(&body, '}');
	struct slice text = arena_take(&cli->arena, &body);

	if (!ok)
		return CLI_USAGE;
	int exit = cli_client_json(cli,
		&(struct cli_request){.method = "POST", .path = CLI_ADMIN "/reload", .body = text},
		&answer);

	return exit || cli->json ? exit
				 : cli_say_done(CLI_DONE, "The new configuration is in force.");
}
