/* SPDX-License-Identifier: MIT */
/* Follows operations to their ends; see follow.h. */
#include "cli/follow.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/screen.h"
#include "cli/view.h"

enum { min_pause_ms = 50, max_pause_ms = 500, patience_ms = 30000, bar_columns = 20 };

static bool cli_follow_ended(struct json_value operation)
{
	return !cli_view_is(operation, "state", "queued") &&
	       !cli_view_is(operation, "state", "running");
}

/* The answer of one request into the arena of `cli`. */
static int look(struct cli *cli, struct cli_followed *one, bool quiet)
{
	struct cli_request request = {
		.path = cli_client_path(cli, CLI_ADMIN "/operations", one->id, ""), .quiet = quiet};
	bool json = cli->json;
	struct cli_answer answer;

	cli->json = false;
	int exit = cli_client_json(cli, &request, &answer);

	cli->json = json;
	/* A daemon that starts, or has no Redis now, may answer later. */
	if (exit == CLI_FAILED && quiet && answer.status >= 500)
		return CLI_UNREACHABLE;
	if (exit)
		return exit;
	one->operation = answer.json;
	one->ended = cli_follow_ended(answer.json);
	return CLI_DONE;
}

static void draw_bar(double ratio, int columns)
{
	int filled = (int)(ratio * columns);

	fputs("  [", stderr);
	for (int i = 0; i < columns; i++)
		fputc(i < filled ? '#' : '.', stderr);
	fputc(']', stderr);
}

/* How far it is, and how fast; of one that waits, what for. */
static void add_progress(
	struct cli *cli, const struct cli_followed *one, double ratio, struct buf *out)
{
	struct json_value operation = one->operation;
	struct slice waits = cli_view_text(cli, operation, "error/title");

	buf_printf(out, "  %s  %s done",
		one->ended ? cli_cell_text(cli, operation, "state") : cli_cell_ratio(cli, ratio),
		cli_cell_count_at(cli, operation, "progress/done"));
	if (!one->ended && waits.n && cli_view_number(operation, "progress/per_second", -1) < 0) {
		buf_printf(out, ", waits: %s", cli_cell_text(cli, operation, "error/title"));
		return;
	}
	buf_printf(out, ", %s a second", cli_cell_real_at(cli, operation, "progress/per_second"));
	if (!one->ended && cli_view_number(operation, "progress/eta_seconds", -1) >= 0)
		buf_printf(
			out, ", %s left", cli_cell_span_at(cli, operation, "progress/eta_seconds"));
}

static void draw_one(struct cli *cli, const struct cli_followed *one, int width)
{
	struct json_value operation = one->operation;
	double ratio = cli_view_number(operation, "progress/ratio", one->ended ? 1 : 0);
	struct buf text = {0}, label = {0};

	cli_cell_clean(slice_str(one->label), &label);
	add_progress(cli, one, ratio, &text);
	/* What does not fit is left out, the bar first: a line that wraps could not be redrawn. */
	int columns = width - cli_cell_width(buf_slice(&label)) - (int)text.n - 5;

	struct slice shown = cli_cell_cut(cli, buf_slice(&label), width - 1);

	fwrite(shown.p, 1, shown.n, stderr);
	if (columns >= bar_columns / 4)
		draw_bar(ratio, columns < bar_columns ? columns : bar_columns);
	int left = width - 1 - cli_cell_width(shown) -
		   (columns >= bar_columns / 4 ? (columns < bar_columns ? columns : bar_columns) + 4
					       : 0);

	if (left > 3) {
		struct slice rest = cli_cell_cut(cli, buf_slice(&text), left);

		fwrite(rest.p, 1, rest.n, stderr);
	}
	fputs("\033[K\n", stderr);
	buf_release(&text);
	buf_release(&label);
}

static void draw(struct cli *cli, const struct cli_followed *all, size_t count, bool again)
{
	int width = cli_screen_width(STDERR_FILENO);

	if (again)
		fprintf(stderr, "\033[%zuA", count);
	for (size_t i = 0; i < count; i++)
		draw_one(cli, &all[i], width);
	fflush(stderr);
}

static void pause_for(int ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&time, NULL);
}

/* One look at each that has not ended. */
static int look_at_all(
	struct cli *cli, struct cli_followed *all, size_t count, bool quiet, bool *ret_ended)
{
	int exit = CLI_DONE;

	*ret_ended = true;
	for (size_t i = 0; i < count && !exit; i++) {
		if (!all[i].ended)
			exit = look(cli, &all[i], quiet);
		*ret_ended &= all[i].ended;
	}
	return exit;
}

struct follow {
	struct cli *cli;
	struct cli_followed *all;
	size_t count;
	int64_t answered_at_ms; /* when the daemon last did */
	bool drawn;
};

/* What a round has read lives in the round's memory: what is needed after it is copied. */
static void keep(struct follow *follow, bool all)
{
	for (size_t i = 0; i < follow->count; i++) {
		struct cli_followed *one = &follow->all[i];

		if ((one->ended || all) && one->operation.text.n)
			one->operation =
				json_root(arena_slice(&follow->cli->arena, one->operation.text));
		else
			one->operation = (struct json_value){JSON_NULL, {"", 0}};
	}
}

/* One round; true: it is over, with *ret_exit. */
static bool turn(struct follow *follow, struct cli *round, int64_t deadline_ms, int *ret_exit)
{
	bool quiet = clock_mono_ms() - follow->answered_at_ms < patience_ms;
	bool ended;

	*ret_exit = look_at_all(round, follow->all, follow->count, quiet, &ended);
	if (*ret_exit == CLI_UNREACHABLE && quiet)
		return false;
	if (*ret_exit) {
		/* Once more, to say why. */
		if (quiet)
			*ret_exit = look_at_all(round, follow->all, follow->count, false, &ended);
		return *ret_exit || ended;
	}
	follow->answered_at_ms = clock_mono_ms();
	if (round->bars)
		draw(round, follow->all, follow->count, follow->drawn);
	follow->drawn |= round->bars;
	return ended || clock_mono_ms() >= deadline_ms;
}

int cli_follow(struct cli *cli, struct cli_followed *all, size_t count, int64_t deadline_ms)
{
	struct follow follow = {cli, all, count, clock_mono_ms(), false};
	int pause = min_pause_ms, exit = CLI_DONE;

	for (bool over = false; !over;) {
		struct cli round = *cli;

		round.arena = (struct arena){0};
		over = turn(&follow, &round, deadline_ms, &exit);
		cli->curl = round.curl;
		keep(&follow, over);
		arena_release(&round.arena);
		if (!over)
			pause_for(pause);
		pause = pause * 2 < max_pause_ms ? pause * 2 : max_pause_ms;
	}
	return exit;
}
