/* SPDX-License-Identifier: MIT */
/* cachewarden keys ...: names are bytes, values too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/duration.h"
#include "cli/keys_left.h"
#include "cli/pages.h"
#include "cli/refusal.h"
#include "cli/say.h"
#include "cli/view.h"
#include "text/percent.h"

#define KEYS CLI_CACHE "/keys"

enum { usual_names = 1000 };

#define VALUE_MAX ((size_t)512 * 1024 * 1024)

static const char *path_of(struct cli *cli, struct slice key, const char *suffix)
{
	return cli_client_path(cli, KEYS, key, suffix);
}

/* An empty segment would name the list of keys. */
static bool is_key(struct slice key)
{
	if (!key.n)
		cli_say(CLI_USAGE, "a key must not be empty");
	return key.n != 0;
}

/* With --json as all others, though what is not refused is no JSON. */
static int refused(struct cli *cli, const struct cli_answer *answer)
{
	if (cli->json && answer->json.text.n)
		cli_client_print(answer);
	return cli_refusal_say(cli, answer);
}

int cli_keys_get(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;

	if (!is_key(args->words[0]))
		return CLI_USAGE;
	int exit = cli_client_ask(
		cli, &(struct cli_request){.path = path_of(cli, args->words[0], "")}, &answer);

	if (exit)
		return exit;
	if (answer.status != 200)
		return refused(cli, &answer);
	if (!cli->width) {
		fwrite(answer.body.p, 1, answer.body.n, stdout);
		return CLI_DONE;
	}
	/* Line by line: line ends are no control bytes here. */
	for (struct slice rest = answer.body; rest.n;) {
		const char *end = memchr(rest.p, '\n', rest.n);
		struct buf line = {0};

		cli_cell_clean(slice_of(rest.p, end ? (size_t)(end - rest.p) : rest.n), &line);
		puts(line.p ? line.p : "");
		buf_release(&line);
		rest = end ? slice_skip(rest, (size_t)(end - rest.p) + 1) : slice_of("", 0);
	}
	return CLI_DONE;
}

static int read_input(struct buf *out)
{
	if (isatty(STDIN_FILENO))
		cli_say_done(0, "The value is read from the terminal, until Ctrl-D on a new line.");
	for (ssize_t n = 1; n != 0;) {
		n = read(STDIN_FILENO, buf_reserve(out, 65536), 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cli_say(
				CLI_FAILED, "standard input cannot be read: %s", strerror(errno));
		out->n += (size_t)n;
		if (out->n > VALUE_MAX)
			return cli_say(CLI_FAILED, "standard input holds more than 512 MiB");
	}
	return CLI_DONE;
}

/* "Surrogate-Key: a b" of --tag, or NULL. */
static const char *tag_header(struct cli *cli, const struct cli_args *args)
{
	struct buf header = {0};
	size_t at = 0;
	const char *tag;

	while ((tag = cli_args_next(args, "tag", &at)) != NULL) {
		buf_str(&header, header.n ? " " : "Surrogate-Key: ");
		percent_encode(slice_str(tag), PERCENT_UNRESERVED ":/", &header);
	}
	return header.n ? arena_take(&cli->arena, &header).p : NULL;
}

int cli_keys_set(struct cli *cli, const struct cli_args *args)
{
	bool input = args->word_count < 2 || slice_is(args->words[1], "-");
	const char *query = "", *ttl = cli_args_text(args, "ttl");
	struct cli_answer answer;
	struct buf value = {0};
	int64_t seconds = 0;

	if (!is_key(args->words[0]) || !cli_duration(args, "ttl", &cli_duration_ttl, &seconds))
		return CLI_USAGE;
	if (ttl)
		query = cli_cell_format(cli, "?ttl=%lld", (long long)seconds);
	int exit = input ? read_input(&value) : CLI_DONE;

	if (!input)
		buf_add(&value, args->words[1]);
	struct cli_request request = {.method = "PUT",
		.path = path_of(cli, args->words[0], query),
		.body = arena_take(&cli->arena, &value),
		.type = "application/octet-stream",
		.header = tag_header(cli, args)};

	if (!exit)
		exit = cli_client_ask(cli, &request, &answer);
	if (exit)
		return exit;
	if (answer.status / 100 != 2)
		return refused(cli, &answer);
	return cli->json ? CLI_DONE
			 : cli_say_done(CLI_DONE, answer.status == 201
							  ? "Stored; it is new."
							  : "Stored; a value was replaced.");
}

static int print_ttl(struct cli *cli, const struct cli_request *request)
{
	struct cli_answer answer;
	int exit = cli_client_json(cli, request, &answer);

	if (!exit && !cli->json)
		puts(cli_cell_text(cli, answer.json, "ttl"));
	return exit;
}

int cli_keys_ttl(struct cli *cli, const struct cli_args *args)
{
	if (!is_key(args->words[0]))
		return CLI_USAGE;
	return print_ttl(cli, &(struct cli_request){.path = path_of(cli, args->words[0], "/ttl")});
}

int cli_keys_expire(struct cli *cli, const struct cli_args *args)
{
	int64_t seconds;

	if (!is_key(args->words[0]) ||
		!cli_duration_parse(args->words[1], "the TTL", &cli_duration_ttl, &seconds))
		return CLI_USAGE;
	return print_ttl(cli, &(struct cli_request){.method = "POST",
				      .path = path_of(cli, args->words[0], "/expire"),
				      .body = slice_str(cli_cell_format(
					      cli, "{\"ttl\":%lld}", (long long)seconds))});
}

/* {"keys": [...]}: in base64url if one of them is not UTF-8, which *ret_bytes says. */
static struct slice keys_body(struct cli *cli, const struct cli_args *args, bool *ret_bytes)
{
	struct buf body = {0};

	*ret_bytes = false;
	for (size_t i = 0; i < args->word_count; i++)
		*ret_bytes |= !utf8_valid(args->words[i]);
	buf_printf(&body,
		"{\"cascade\":%s,\"keys\":", cli_args_flag(args, "cascade") ? "true" : "false");
	for (size_t i = 0; i < args->word_count; i++) {
		buf_char(&body, i ? ',' : '[');
		if (*ret_bytes) {
			buf_char(&body, '"');
			base64_encode(args->words[i], true, &body);
			buf_char(&body, '"');
		} else {
			json_quote(&body, args->words[i]);
		}
	}
	buf_str(&body, "]}");
	return arena_take(&cli->arena, &body);
}

int cli_keys_del(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;
	bool bytes;

	for (size_t i = 0; i < args->word_count; i++)
		if (!is_key(args->words[i]))
			return CLI_USAGE;
	struct cli_request request = {.method = "POST", .body = keys_body(cli, args, &bytes)};

	request.path = bytes ? CLI_CACHE "/mdelete?key_encoding=base64url" : CLI_CACHE "/mdelete";
	int exit = cli_client_json(cli, &request, &answer);

	if (exit || cli->json)
		return exit;
	if (answer.status == 202)
		return cli_say_done(CLI_DONE, "It goes on: cachewarden ops %s",
			cli_cell_text(cli, answer.json, "operation_id"));
	return cli_say_done(CLI_DONE, "%s deleted of %zu named.",
		cli_cell_count_at(cli, answer.json, "deleted"), args->word_count);
}

struct key_names {
	struct cli *cli;
	bool ttl; /* behind each, as asked for one by one */
	size_t count;
};

/* In memory of its own: there may be millions. */
static bool print_name(void *context, struct json_value item)
{
	struct key_names *names = context;
	struct cli line = *names->cli;

	names->count++;

	line.arena = (struct arena){0};
	if (names->ttl)
		printf("%-9s  ", cli_keys_left(&line, item));
	puts(cli_cell_key(&line, item, "key"));
	names->cli->curl = line.curl;
	arena_release(&line.arena);
	return true;
}

/*
 * Whether the daemon may leave keys out of lists: it does so without a word, and tells its patterns
 * to the scope admin alone.
 */
static bool may_be_protected(struct cli *cli)
{
	struct cli_answer answer;

	return cli_client_json(cli,
		       &(struct cli_request){.path = CLI_ADMIN "/protected", .quiet = true},
		       &answer) ||
	       cli_view_length(answer.json, "items") > 0;
}

int cli_keys_list(struct cli *cli, const struct cli_args *args)
{
	struct buf query = {0};

	if (args->word_count) {
		buf_str(&query, "&match=");
		percent_encode(args->words[0], PERCENT_UNRESERVED, &query);
	}
	if (cli_args_flag(args, "no-ttl"))
		buf_str(&query, "&only=persistent");
	struct slice match = arena_take(&cli->arena, &query);
	struct key_names names = {cli, cli_args_flag(args, "left"), 0};

	if (names.ttl && cli->json)
		return cli_say(CLI_USAGE,
			"--left is of the table: with --json the daemon's list is "
			"printed as it is");

	int exit = cli_pages(cli, args,
		&(struct cli_pages){.path = KEYS,
			.query = match.p,
			.usual = usual_names,
			.item = print_name,
			.context = &names,
			.none = "There are no such keys; protected keys are not listed."});

	if (!exit && names.count && cli->bars && may_be_protected(cli))
		cli_say_done(0, "Protected keys are not listed.");
	return exit;
}
