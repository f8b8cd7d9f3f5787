/* SPDX-License-Identifier: MIT */
/*
 * cachewarden events: those of the past as a list, oldest first, and with --follow those to come.
 *
 *	stream -> cli/event_lines -> one line of text or JSON for each event
 *	the connection is lost -> another one, with the id of the last event
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/event_lines.h"
#include "cli/event_words.h"
#include "cli/grid.h"
#include "cli/moment.h"
#include "cli/refusal.h"
#include "cli/say.h"
#include "cli/view.h"
#include "text/percent.h"

#define EVENTS CLI_ADMIN "/events"

enum { usual_events = 20, min_broken = 20, next_indent = 2 };

static const struct json_limits data_limits = {
	.depth = 64, .nodes = 1000000, .members = 10000, .allow_nul = true};

struct events {
	struct cli *cli;
	struct event_lines lines;
	struct buf last_id;
	const char *only; /* of this kind; NULL = all */
	bool ended;	  /* nobody reads what is written */
};

static enum cli_color color_of(struct slice event, struct json_value data)
{
	if (slice_is(event, "gap") || cli_view_is(data, "state", "failed") ||
		cli_view_is(data, "state", "firing") || cli_view_is(data, "state", "refused") ||
		cli_view_is(data, "state", "missed") || cli_view_is(data, "state", "open"))
		return CLI_BAD;
	return cli_view_is(data, "state", "partial") ||
			       cli_view_number(data, "removed_instead", 0) > 0
		       ? CLI_WARN
		       : CLI_PLAIN;
}

static void print_text(struct cli *cli, struct slice event, struct json_value data)
{
	enum cli_color color = color_of(event, data);
	struct buf line = {0};

	cli_cell_clean(slice_str(cli_cell_text(cli, data, "time")), &line);
	buf_char(&line, ' ');
	cli_cell_clean(event, &line);
	buf_printf(&line, " %s", cli_event_words(cli, event, data));
	struct slice rest = buf_slice(&line);
	int indent = 0;

	/* On a terminal it is broken between words; in a pipe an event is a line. */
	do {
		struct slice part = cli->width > min_broken
					    ? cli_cell_take_line(&rest, cli->width - indent)
					    : rest;

		printf("%*s%s%.*s%s\n", indent, "", cli_grid_begin(cli, color), (int)part.n, part.p,
			cli_grid_end(cli, color));
		rest = cli->width > min_broken ? rest : slice_of("", 0);
		indent = next_indent;
	} while (rest.n);
	buf_release(&line);
}

static void print_json(const struct event *event)
{
	struct buf line = {0};

	buf_str(&line, "{\"id\":");
	json_quote(&line, event->id);
	buf_str(&line, ",\"event\":");
	json_quote(&line, event->name);
	buf_str(&line, ",\"data\":");
	buf_add(&line, event->data);
	buf_str(&line, "}\n");
	fwrite(line.p, 1, line.n, stdout);
	buf_release(&line);
}

static void take_event(void *context, const struct event *event)
{
	struct events *events = context;
	struct cli line = *events->cli;

	if (event->id.n) {
		buf_clear(&events->last_id);
		buf_add(&events->last_id, event->id);
	}
	if ((events->only && !slice_is(event->name, events->only) &&
		    !slice_is(event->name, "gap")) ||
		json_check(event->data, &data_limits, NULL) != OK)
		return;
	line.arena = (struct arena){0};
	if (line.json)
		print_json(event);
	else
		print_text(&line, event->name, json_root(arena_slice(&line.arena, event->data)));
	arena_release(&line.arena);
	events->ended |= cli_say_flush(CLI_DONE) != CLI_DONE;
}

static bool take_part(void *context, struct slice part)
{
	struct events *events = context;

	return event_lines_add(&events->lines, part, take_event, events) && !events->ended;
}

static const char *path_of(struct cli *cli, const struct cli_args *args, bool follow)
{
	static const char *const names[] = {"by", "event"};
	int64_t limit = usual_events;
	struct buf path = {0};

	if (!cli_args_int(args, "limit", 1, 1000, &limit))
		return NULL;
	if (follow) {
		buf_str(&path, EVENTS);
		if (cli_args_flag(args, "detail"))
			buf_str(&path, "?detail=true");
		return arena_take(&cli->arena, &path).p;
	}
	buf_printf(&path, EVENTS "?limit=%d%s", (int)limit,
		cli_args_flag(args, "detail") ? "&detail=true" : "");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = cli_args_text(args, names[i]);

		if (!value)
			continue;
		buf_printf(&path, "&%s=", names[i]);
		percent_encode(slice_str(value), PERCENT_UNRESERVED, &path);
	}
	bool ok = cli_moment_query(args, &path);
	const char *text = arena_take(&cli->arena, &path).p;

	return ok ? text : NULL;
}

/* The page is newest first; the newest event shall be next to the prompt. */
static int list(struct cli *cli, const struct cli_args *args)
{
	const char *path = path_of(cli, args, false);
	struct cli_answer answer;
	int exit = path ? cli_client_json(cli,
				  &(struct cli_request){
					  .path = path, .header = "Accept: application/json"},
				  &answer)
			: CLI_USAGE;

	if (exit || cli->json)
		return exit;
	size_t count = cli_view_length(answer.json, "items"), at = count;
	struct json_value *items = arena_alloc(&cli->arena, (count + 1) * sizeof *items);
	struct json_iter it = cli_view_each(answer.json, "items");

	while (json_next(&it))
		items[--at] = it.value;
	for (size_t i = 0; i < count; i++) {
		struct json_value data = {JSON_NULL, {"null", 4}};

		cli_view(items[i], "data", &data);
		print_text(cli, cli_view_text(cli, items[i], "event"), data);
	}
	if (!count)
		cli_say_done(0, "There are no such events.");
	else if (cli_view(answer.json, "next", &(struct json_value){0}))
		cli_say_done(0, "There may be older ones: --limit N shows more.");
	return CLI_DONE;
}

static void pause_second(void)
{
	nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
}

/* One connection, until it ends or the daemon refuses it: then CLI_FAILED after saying why. */
static int stream(struct events *events, const char *path)
{
	struct cli_answer answer;
	struct cli once = *events->cli;
	char *id = events->last_id.n ? mem_printf("Last-Event-ID: %s", events->last_id.p) : NULL;

	once.arena = (struct arena){0};
	event_lines_reset(&events->lines);
	int exit = cli_client_ask(&once,
		&(struct cli_request){.path = path,
			.seconds = -1,
			.quiet = true,
			.header = id,
			.part = take_part,
			.context = events},
		&answer);

	/* A daemon that starts or is full may answer later. */
	if (!exit && answer.status / 100 != 2 && answer.status / 100 != 5) {
		if (once.json_errors && answer.json.text.n)
			cli_client_print(&answer);
		exit = cli_refusal_say(&once, &answer);
	}
	events->cli->curl = once.curl;
	arena_release(&once.arena);
	mem_free(id);
	return exit;
}

static int follow(struct cli *cli, const struct cli_args *args)
{
	struct events events = {.cli = cli, .only = cli_args_text(args, "event")};
	const char *path = path_of(cli, args, true);
	struct cli_answer answer;
	bool told = false, json = cli->json;
	int exit;

	/* What is wrong from the start is said, not tried again. */
	cli->json = false;
	exit = cli_client_json(cli,
		&(struct cli_request){
			.path = EVENTS "?limit=1", .header = "Accept: application/json"},
		&answer);
	cli->json = json;
	while (!exit) {
		int ended = stream(&events, path);

		if (ended == CLI_FAILED || events.ended)
			exit = CLI_FAILED;
		else if (!told || events.lines.bytes)
			cli_say(0, "the connection is lost; trying again");
		told = true;
		if (!exit)
			pause_second();
	}
	event_lines_release(&events.lines);
	buf_release(&events.last_id);
	return exit;
}

int cli_events(struct cli *cli, const struct cli_args *args)
{
	bool follows = cli_args_flag(args, "follow");

	if (follows && (cli_args_text(args, "since") || cli_args_text(args, "until") ||
			       cli_args_text(args, "by") || cli_args_text(args, "limit")))
		return cli_say(CLI_USAGE, "--follow shows what is to come; --since, --until, --by "
					  "and --limit are about the past");
	return follows ? follow(cli, args) : list(cli, args);
}
