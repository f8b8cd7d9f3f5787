/* SPDX-License-Identifier: MIT */
/*
 * Requests to the daemon, one after the other over one kept connection.
 *
 * A request is sent once: what changes something is not repeated, because its first try may have
 * had an effect. Proxies of the environment are not used, redirects not followed.
 */
#ifndef CW_CLI_CLIENT_H
#define CW_CLI_CLIENT_H

#include "cli/cli.h"
#include "text/json.h"

#define CLI_ADMIN "/api/v1/admin/cache"
#define CLI_CACHE "/api/v1/cache"

/* Up to so many bytes of an answer are read. */
#define CLI_ANSWER_MAX ((size_t)256 * 1024 * 1024)

struct cli_request {
	const char *method; /* NULL = GET */
	const char *path;   /* with its query */
	struct slice body;  /* p NULL = none */
	const char *type;   /* of the body; NULL = application/json */
	const char *header; /* one more, "Name: value", or NULL */
	int seconds;	    /* until the answer is complete; 0 = 30, -1 = a stream without an end */
	bool quiet;	    /* says nothing where there is no answer */
	/* Called with each part of a 2xx answer instead of keeping it; false ends it. */
	bool (*part)(void *context, struct slice part);
	void *context;
};

struct cli_answer {
	int status;
	const char *type;	/* media type, without parameters */
	struct slice body;	/* in the arena, behind it a NUL */
	struct slice header;	/* all lines, as they came */
	struct json_value json; /* of an answer in JSON that is valid; else its text is empty */
};

void cli_client_end(struct cli *cli);
/* What messages call the daemon's address. */
const char *cli_client_address(struct cli *cli);

/* CLI_DONE: there is an answer, of any status. Else CLI_UNREACHABLE, and that was said. */
int cli_client_ask(struct cli *cli, const struct cli_request *request, struct cli_answer *ret);
/*
 * The same, and what is not a 2xx answer in JSON is said: CLI_FAILED. The body is printed where
 * cli->json, or of a refusal cli->json_errors, is true, unless `quiet`.
 */
int cli_client_json(struct cli *cli, const struct cli_request *request, struct cli_answer *ret);
/* GET of a path. */
int cli_client_get(struct cli *cli, const char *path, struct cli_answer *ret);
/* Prints the answer's body for --json. */
void cli_client_print(const struct cli_answer *answer);

/* "PREFIX/SEGMENT SUFFIX" with the segment percent-encoded, in the arena. */
const char *cli_client_path(
	struct cli *cli, const char *prefix, struct slice segment, const char *suffix);

#endif
