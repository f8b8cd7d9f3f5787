/* SPDX-License-Identifier: MIT */
/* Words of the command line as JSON; see quote.h. */
#include "cli/quote.h"

#include <string.h>

#include "base/utf8.h"
#include "cli/say.h"
#include "text/json.h"

bool cli_quote(struct buf *out, const char *what, struct slice text)
{
	if (!utf8_valid(text)) {
		bool key = strcmp(what, "key") == 0 || strcmp(what, "pattern") == 0;

		cli_say(CLI_USAGE, "the %s %s is not UTF-8%s", what, text.p,
			key ? "; keys del, keys get and the other keys commands take any bytes"
			    : "");
		return false;
	}
	json_quote(out, text);
	return true;
}

bool cli_quote_member(struct buf *out, const char *name, const char *text)
{
	if (!text)
		return true;
	buf_printf(out, ",\"%s\":", name);
	return cli_quote(out, name, slice_str(text));
}
