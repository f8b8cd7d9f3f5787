/* SPDX-License-Identifier: MIT */
/* Names that the daemon knows, for completion and for what is said of one that it does not know. */
#ifndef CW_CLI_KNOWN_H
#define CW_CLI_KNOWN_H

#include "cli/cli.h"
#include "text/json.h"

struct cli_known {
	const char *what;	 /* ":jobs", as the table of commands calls it */
	const char *path, *list; /* of the route, and in its answer */
	const char *member;	 /* of an element; NULL = the names of the list's members */
	const char *description; /* of an element, or NULL */
	const char *plural;	 /* "jobs" */
};

/* NULL if there is none. */
const struct cli_known *cli_known_find(const char *what);
/* Asks the daemon, and says nothing: false if it does not tell within so many seconds. */
bool cli_known_ask(
	struct cli *cli, const struct cli_known *known, int seconds, struct json_iter *ret);
/* The name of the element that json_next() has got to; empty if it has none. */
struct slice cli_known_name(
	struct cli *cli, const struct cli_known *known, const struct json_iter *it);
/*
 * Says which name was probably meant, and which there are, up to 20: "Did you mean prices? The jobs
 * are prices, products." Nothing if the daemon does not tell, or if `typed` is one of them.
 */
void cli_known_say(struct cli *cli, const char *what, struct slice typed);

#endif
