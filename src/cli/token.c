/* SPDX-License-Identifier: MIT */
/* cachewarden token new: both halves of a token, without a daemon. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "base/timestamp.h"
#include "cli/command_table.h"
#include "cli/moment.h"
#include "cli/quote.h"
#include "cli/say.h"
#include "text/json.h"

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

/* In UTC: the daemon may be in another time zone. */
static bool add_expiry(const struct cli_args *args, struct buf *out)
{
	int64_t when = -1;

	if (!cli_moment(args, "expires", true, &when))
		return false;
	if (when >= 0) {
		buf_str(out, ", \"expires\": \"");
		timestamp_format(when, out);
		buf_char(out, '"');
	}
	return true;
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
	if (!add_prefixes(args, row) || !add_expiry(args, row))
		return false;
	buf_char(row, '}');
	return true;
}

static void print_json(const struct token *token, const char *file)
{
	struct buf name = {0};

	if (file)
		json_quote(&name, slice_str(file));
	printf("{\"%s\": %s%s%s, \"row\": %s}\n", file ? "token_file" : "token", file ? "" : "\"",
		file ? name.p : token->secret.p, file ? "" : "\"", token->row.p);
	buf_release(&name);
}

/* What one sends to a file is alone on standard output. */
static int print(const struct cli *cli, const struct token *token, const char *file)
{
	if (cli->json) {
		print_json(token, file);
		return CLI_DONE;
	}
	if (file) {
		printf("- %s\n", token->row.p);
		return cli_say_done(CLI_DONE,
			"The token is in %s. This row, which holds its digest, is for auth.tokens "
			"of the configuration, or for the file of auth.tokens_file.",
			file);
	}
	puts(token->secret.p);
	cli_say_done(
		0, "This is the token; it is not shown again. Give the daemon this row, below");
	cli_say_done(0, "auth.tokens in its configuration or in the file of auth.tokens_file:");
	cli_say_done(0, "%s", "");
	return cli_say_done(CLI_DONE, "  - %s", token->row.p);
}

/* The file is new and its owner's alone from its first moment. */
static int save(const struct token *token, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return cli_say(
			CLI_FAILED, "the token cannot be written to %s: %s", path, strerror(errno));
	ssize_t n = dprintf(fd, "%s\n", token->secret.p);

	if (close(fd) != 0 || n != (ssize_t)token->secret.n + 1) {
		unlink(path);
		return cli_say(CLI_FAILED, "the token cannot be written to %s", path);
	}
	return CLI_DONE;
}

int cli_token_new(struct cli *cli, const struct cli_args *args)
{
	const char *file = cli_args_text(args, "save");
	struct token token = {0};
	int exit = CLI_USAGE;

	if (!cli_args_text(args, "name") || !*cli_args_text(args, "name") ||
		!cli_args_text(args, "scopes"))
		return cli_say(CLI_USAGE, "--name and --scopes are required: cachewarden token new "
					  "--name dashboard --scopes read");
	make_secret(&token);
	if (make_row(&token, args))
		exit = file ? save(&token, file) : CLI_DONE;
	if (!exit)
		exit = print(cli, &token, file);
	buf_release(&token.secret);
	buf_release(&token.row);
	return exit;
}
