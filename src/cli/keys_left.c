/* SPDX-License-Identifier: MIT */
/* What keys of lists have left; see keys_left.h. */
#include "cli/keys_left.h"

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/view.h"

const char *cli_keys_left(struct cli *cli, struct json_value item)
{
	struct slice key = cli_view_text(cli, item, "key");
	bool bytes = cli_view_is(item, "key_encoding", "base64url");
	struct cli_answer answer;
	double ttl = -3;

	if (key.n && !cli_client_json(cli,
			     &(struct cli_request){
				     .path = cli_client_path(cli, CLI_CACHE "/keys", key,
					     bytes ? "/ttl?key_encoding=base64url" : "/ttl"),
				     .quiet = true},
			     &answer))
		ttl = cli_view_number(answer.json, "ttl", -3);
	if (ttl > 0)
		return cli_cell_span(cli, ttl);
	return ttl == 0 ? "stale" : ttl == -1 ? "no expiry" : ttl == -2 ? "gone" : "-";
}
