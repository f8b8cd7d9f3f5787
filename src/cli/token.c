/* SPDX-License-Identifier: MIT */
/* cachewarden token new: both halves of a token, without a daemon. */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "base/timestamp.h"
#include "cli/command_table.h"
#include "cli/quote.h"
#include "cli/say.h"

enum { secret_bytes = 32 };

struct token {
	struct buf secret; /* the whole token */
	struct buf row;	   /* for auth.tokens: YAML, and as good JSON */
};

/* "read,warm" as ["read", "warm"]; the table of commands knows what scopes there are. */
static void add_scopes(const char *list, struct buf *out)
{
	struct slice rest = slice_str(list);
	size_t count = 0;

	for (;;) {
		const char *comma = memchr(rest.p, ',', rest.n);
		struct slice name = slice_of(rest.p, comma ? (size_t)(comma - rest.p) : rest.n);

		buf_printf(out, "%s\"%.*s\"", count++ ? ", " : "[", (int)name.n, name.p);
		if (!comma)
			break;
		rest = slice_skip(rest, name.n + 1);
	}
	buf_char(out, ']');
}

static bool add_prefixes(const struct cli_args *args, struct buf *out)
{
	size_t at = 0, count = 0;
	const char *prefix;

	while ((prefix = cli_args_next(args, "prefix", &at)) != NULL) {
		if (!*prefix) {
			cli_say(CLI_USAGE, "--prefix must not be empty: leave it out for all keys");
			return false;
		}
		buf_str(out, count++ ? ", " : ", \"key_prefixes\": [");
		if (!cli_quote(out, "prefix", slice_str(prefix)))
			return false;
	}
	if (count)
		buf_char(out, ']');
	return true;
}

static bool add_expiry(const char *text, struct buf *out)
{
	int64_t when;

	if (!text)
		return true;
	const char *why = timestamp_parse(slice_str(text), &when);

	if (why)
		cli_say(CLI_USAGE, "--expires %s", why);
	else if (when <= clock_wall_ms())
		cli_say(CLI_USAGE, "--expires %s has passed", text);
	else
		buf_printf(out, ", \"expires\": \"%s\"", text);
	return !why && when > clock_wall_ms();
}

static void make_secret(struct token *token)
{
	uint8_t bytes[secret_bytes];

	crypto_random(bytes, sizeof bytes);
	/* By its beginning secret scanners know it. */
	buf_str(&token->secret, "cw_");
	base64_encode(slice_of((const char *)bytes, sizeof bytes), true, &token->secret);
}

static bool make_row(struct token *token, const struct cli_args *args)
{
	uint8_t digest[SHA256_BYTES];
	struct buf *row = &token->row;

	crypto_sha256(buf_slice(&token->secret), digest);
	buf_str(row, "{\"name\": ");
	if (!cli_quote(row, "name", slice_str(cli_args_text(args, "name"))))
		return false;
	buf_str(row, ", \"sha256\": \"");
	hex_encode(digest, sizeof digest, row);
	buf_str(row, "\", \"scopes\": ");
	add_scopes(cli_args_text(args, "scopes"), row);
	if (!add_prefixes(args, row) || !add_expiry(cli_args_text(args, "expires"), row))
		return false;
	buf_char(row, '}');
	return true;
}

static void print(const struct cli *cli, const struct token *token)
{
	if (cli->json) {
		printf("{\"token\": \"%s\", \"row\": %s}\n", token->secret.p, token->row.p);
		return;
	}
	/* The token alone on standard output, so that it can be sent to a file. */
	puts(token->secret.p);
	fflush(stdout);
	fprintf(stderr,
		"This is the token; it is not shown again. Give the daemon this row, below\n"
		"auth.tokens in its configuration or in the file of auth.tokens_file:\n\n"
		"  - %s\n",
		token->row.p);
}

int cli_token_new(struct cli *cli, const struct cli_args *args)
{
	struct token token = {0};
	int exit = CLI_USAGE;

	if (!cli_args_text(args, "name") || !*cli_args_text(args, "name") ||
		!cli_args_text(args, "scopes"))
		return cli_say(CLI_USAGE, "--name and --scopes are required: cachewarden token new "
					  "--name dashboard --scopes read");
	make_secret(&token);
	if (make_row(&token, args)) {
		print(cli, &token);
		exit = CLI_DONE;
	}
	buf_release(&token.secret);
	buf_release(&token.row);
	return exit;
}
