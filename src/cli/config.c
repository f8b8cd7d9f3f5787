/* SPDX-License-Identifier: MIT */
/* cachewarden config check, without a daemon. */
#include <stdio.h>

#include "cli/command_table.h"
#include "cli/say.h"
#include "conf/conf.h"
#include "text/json.h"

/* {"ok": true|false, "lines": [...]}: the faults, or the warnings. */
static void print_json(bool ok, struct slice lines)
{
	struct buf out = {0};
	size_t count = 0;

	buf_printf(&out, "{\"ok\":%s,\"lines\":[", ok ? "true" : "false");
	while (lines.n) {
		size_t n = 0;

		while (n < lines.n && lines.p[n] != '\n')
			n++;
		if (count++)
			buf_char(&out, ',');
		json_quote(&out, slice_of(lines.p, n));
		lines = slice_skip(lines, n < lines.n ? n + 1 : n);
	}
	buf_str(&out, "]}");
	puts(out.p);
	buf_release(&out);
}

int cli_config_check(struct cli *cli, const struct cli_args *args)
{
	const char *path = args->word_count ? args->words[0].p : NULL;
	struct buf faults = {0};
	struct conf *conf = NULL;

	if (path && !*path)
		return cli_say(CLI_USAGE, "the name of the file must not be empty");
	enum error error = conf_load(path, &conf, &faults);
	struct slice lines = error ? buf_slice(&faults) : slice_str(conf_warnings(conf));

	if (cli->json)
		print_json(!error, lines);
	else
		fwrite(lines.p, 1, lines.n, stderr);
	if (!error && !cli->json)
		printf("%s: ok\n",
			conf->file ? conf->file : "no configuration file, using the defaults");
	buf_release(&faults);
	conf_unref(conf);
	return error ? CLI_FAILED : CLI_DONE;
}
