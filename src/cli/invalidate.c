/* SPDX-License-Identifier: MIT */
/*
 * cachewarden invalidate and cachewarden expire, which differ in what they do with the keys.
 *
 *	dry run -> count and sample -> question (or --yes) -> the same with the dry run's
 *	   confirmation -> the operation is followed -> counts and verdict
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/duration.h"
#include "cli/follow.h"
#include "cli/grid.h"
#include "cli/quote.h"
#include "cli/say.h"
#include "cli/screen.h"
#include "cli/select_words.h"
#include "cli/view.h"

enum { max_wait = 300, begin_wait = 1 };

struct invalidate_kind {
	const char *path, *label, *question, *declined;
	const char *column, *member; /* of how many keys */
	const char *done;	     /* as cli_cell_things() takes it */
};

static const struct invalidate_kind removing = {CLI_ADMIN "/invalidate", "invalidate",
	"Remove them?", "nothing was removed", "REMOVED", "invalidated",
	"key removed|keys removed"};
static const struct invalidate_kind expiring = {CLI_ADMIN "/expire", "expire", "Change their TTLs?",
	"nothing was changed", "CHANGED", "changed", "TTL changed|TTLs changed"};

struct invalidate {
	struct cli *cli;
	const struct cli_args *args;
	const struct invalidate_kind *kind;
	struct slice selectors; /* members of the body, and those of options */
	int64_t wait;		/* seconds; -1 = until the end */
};

/* What invalidate alone takes; false after saying what is wrong. */
static bool read_invalidate(const struct cli_args *args, struct buf *out)
{
	static const struct cli_duration_limits limits = {.min = 1, .max = 7 * 86400};
	int64_t spread = 0;

	if (cli_args_flag(args, "soft") && cli_args_text(args, "spread")) {
		cli_say(CLI_USAGE, "--soft and --spread contradict each other");
		return false;
	}
	if (!cli_duration(args, "spread", &limits, &spread))
		return false;
	if (cli_args_flag(args, "soft"))
		buf_str(out, ",\"soft\":true");
	if (cli_args_flag(args, "no-cascade"))
		buf_str(out, ",\"cascade\":false");
	if (cli_args_text(args, "spread"))
		buf_printf(out, ",\"spread\":%lld", (long long)spread);
	return true;
}

/* What expire alone takes. */
static bool read_expire(const struct cli_args *args, struct buf *out)
{
	const char *jitter = cli_args_text(args, "jitter");
	char *end = NULL;
	int64_t ttl = 0;

	if (!cli_args_text(args, "ttl")) {
		cli_say(CLI_USAGE, "--ttl is missing: seconds, a duration such as 1h, or -1");
		return false;
	}
	if (!cli_duration(args, "ttl", &cli_duration_ttl, &ttl) ||
		!cli_quote_member(out, "only", cli_args_text(args, "only")))
		return false;
	double share = jitter ? strtod(jitter, &end) : 0;

	if (jitter && (end == jitter || *end || !(share >= 0 && share <= 1))) {
		cli_say(CLI_USAGE, "--jitter is a share from 0 to 1, such as 0.1, not %s", jitter);
		return false;
	}
	buf_printf(out, ",\"ttl\":%lld", (long long)ttl);
	if (jitter)
		buf_printf(out, ",\"jitter\":%.6f", share);
	return true;
}

/* Reads the options; false after saying what is wrong. */
static bool read_options(struct invalidate *what, struct buf *out)
{
	const struct cli_args *args = what->args;
	static const struct cli_duration_limits waits = {.max = 7 * 86400};
	static const struct cli_duration_limits paces = {.max = 10000, .milliseconds = true};
	int64_t max_keys = 0, latency = -1;

	if (cli_args_flag(args, "dry-run") && cli_args_flag(args, "yes")) {
		cli_say(CLI_USAGE, "--dry-run and --yes contradict each other");
		return false;
	}
	if (!cli_select_words(args, out) ||
		!cli_args_int(args, "max-keys", 1, INT64_MAX, &max_keys) ||
		!cli_duration(args, "max-latency", &paces, &latency) ||
		!cli_duration(args, "wait", &waits, &what->wait))
		return false;
	if (max_keys)
		buf_printf(out, ",\"max_keys\":%lld", (long long)max_keys);
	if (latency >= 0)
		buf_printf(out, ",\"pace\":{\"max_latency_ms\":%lld}", (long long)latency);
	return cli_quote_member(out, "note", cli_args_text(args, "note")) &&
	       (what->kind == &expiring ? read_expire(args, out) : read_invalidate(args, out));
}

/* Sends one request, and follows its operation; *ret is the result, or a problem. */
static int ask(struct invalidate *what, bool dry_run, const char *confirm, int64_t wait,
	struct cli_answer *ret)
{
	struct cli *cli = what->cli;
	int64_t sent = wait < 0 || wait > begin_wait ? begin_wait : wait;
	bool json = cli->json;
	struct buf body = {0};

	buf_char(&body, '{');
	buf_add(&body, what->selectors);
	buf_printf(&body, ",\"dry_run\":%s,\"wait\":%d", dry_run ? "true" : "false",
		(int)(dry_run ? max_wait : sent));
	if (confirm && *confirm)
		cli_quote_member(&body, "confirm", confirm);
	buf_char(&body, '}');
	/* What is printed is the end, not what leads to it. */
	cli->json = false;
	int exit = cli_client_json(cli,
		&(struct cli_request){.method = "POST",
			.path = what->kind->path,
			.body = arena_take(&cli->arena, &body),
			.seconds = max_wait + 30},
		ret);

	cli->json = json;
	return exit;
}

/* The result of an operation that was still running when it was answered. */
static int await(struct invalidate *what, int64_t wait, struct cli_answer *answer)
{
	struct cli *cli = what->cli;
	struct cli_followed operation = {
		.id = cli_view_text(cli, answer->json, "operation_id"), .label = what->kind->label};
	int64_t deadline = wait < 0 ? DEADLINE_NONE : clock_deadline(wait * 1000);

	if (wait == 0) {
		if (cli->json)
			cli_client_print(answer);
		cli_say_done(0, "It goes on: cachewarden ops %s", operation.id.p);
		return CLI_DONE;
	}
	int exit = cli_follow(cli, &operation, 1, deadline);

	if (exit)
		return exit;
	struct json_value result = {JSON_NULL, {"", 0}};
	bool done = operation.ended && cli_view(operation.operation, "result", &result);

	/* Without a result the operation tells why. */
	if (cli->json && !done)
		printf("%.*s\n", (int)operation.operation.text.n, operation.operation.text.p);
	if (!operation.ended)
		return cli_say(CLI_FAILED, "it has not ended yet, and goes on: cachewarden ops %s",
			operation.id.p);
	if (!done)
		return cli_say(CLI_FAILED, "the operation is %s: %s",
			cli_cell_text(cli, operation.operation, "state"),
			cli_cell_text(cli, operation.operation, "error/detail"));
	answer->json = result;
	answer->body = result.text;
	return CLI_DONE;
}

/* What is not removed at once: the title of its column, and how it is counted below. */
static const char *later_column(const struct invalidate *what)
{
	if (cli_args_flag(what->args, "soft"))
		return "MADE STALE";
	return cli_args_text(what->args, "spread") ? "LATER" : NULL;
}

/* How many of its keys were left when it was done: those made stale, or stale before. */
static double left_of(struct json_value selector)
{
	return cli_view_number(selector, "matched", 0) -
	       cli_view_number(selector, "invalidated", 0);
}

/*
 * The daemon counts what was made stale over all selectors: it is that of one of them where the
 * others left nothing. NAN = not known.
 */
static double later_of(struct json_value result, struct json_value selector)
{
	struct json_iter selectors = cli_view_each(result, "selectors");
	int count = 0;

	while (json_next(&selectors))
		count += left_of(selectors.value) > 0;
	if (left_of(selector) <= 0 || cli_view_number(result, "softened", -1) == 0)
		return 0;
	return count == 1 ? cli_view_number(result, "softened", (double)NAN) : (double)NAN;
}

static void print_counts(const struct invalidate *what, struct json_value result, bool dry_run)
{
	struct cli *cli = what->cli;
	const char *later = dry_run ? NULL : later_column(what);
	const char *titles =
		cli_cell_format(cli, "SELECTED BY|*VALUE|>MATCHED%s%s%s%s", dry_run ? "" : "|>",
			dry_run ? "" : what->kind->column, later ? "|>" : "", later ? later : "");
	struct cli_grid *grid = cli_grid_new(cli, titles);
	struct json_iter selectors = cli_view_each(result, "selectors");

	while (json_next(&selectors)) {
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, selectors.value, "kind"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, selectors.value, "value"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_count_at(cli, selectors.value, "matched"));
		if (!dry_run)
			cli_grid_add(grid, CLI_PLAIN,
				cli_cell_count_at(cli, selectors.value, what->kind->member));
		if (later)
			cli_grid_add(grid, CLI_PLAIN,
				cli_cell_count(cli, later_of(result, selectors.value)));
	}
	cli_grid_print(grid);
}

/* What would go: on standard error if a question follows, so that a pipe has the result alone. */
static void print_preview(const struct invalidate *what, struct json_value result)
{
	struct cli *cli = what->cli;
	struct json_iter sample = cli_view_each(result, "sample");
	double matched = cli_view_number(result, "matched", 0);
	double skipped = cli_view_number(result, "protected_skipped", 0);
	/* Of an expire; older daemons do not tell it. */
	double would_change = cli_view_number(result, "would_change", -1);

	print_counts(what, result, true);
	for (int shown = 0; shown < 10 && json_next(&sample); shown++) {
		struct buf name = {0}, clean = {0};

		json_scalar(sample.value, &name);
		cli_cell_clean(buf_slice(&name), &clean);
		printf("%s %s\n", shown ? "       " : "sample:", clean.p ? clean.p : "");
		buf_release(&name);
		buf_release(&clean);
	}
	printf("%s%s%s%s%s.\n", cli_cell_things(cli, matched, "key matches|keys match"),
		would_change < 0 ? "" : ", ",
		would_change < 0
			? ""
			: cli_cell_things(cli, would_change, "TTL would change|TTLs would change"),
		skipped > 0 ? "; " : "",
		skipped > 0
			? cli_cell_things(cli, skipped, "other is protected|others are protected")
			: "");
}

/* The reasons of the API in words. */
static const char *reason_text(const char *reason)
{
	static const char *const texts[][2] = {
		{"max_keys", "the largest number of keys was reached: --max-keys raises it"},
		{"topology_changed", "the servers changed meanwhile: repeat it"},
		{"redis_down", "Redis was lost meanwhile: repeat it"},
		{"skipped_nodes", "servers of the cluster are away: repeat it when they are back"},
		{"not_primary", "the server is not a primary"},
		{"cancelled", "it was cancelled"},
		{"still_matching", "new keys keep matching"},
		{"redis_oom",
			"what is counted above is done, but Redis is at maxmemory and refused the "
			"entry in the log of invalidations: a load that was under way may store an "
			"old value again, and explain of other daemons does not know of it. Raise "
			"maxmemory or remove keys, then repeat it, which writes the entry and "
			"removes what was stored meanwhile"},
		{"redis_noperm", "Redis denies a command: cachewarden doctor"},
		{"too_many_dependents", "more than 10,000 keys depend on these"},
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(reason, texts[i][0]) == 0)
			return texts[i][1];
	return reason;
}

/* "4,140 keys removed, 861 made stale in 70ms." */
static void print_verdict(const struct invalidate *what, struct json_value result)
{
	struct cli *cli = what->cli;
	double softened = cli_view_number(result, "softened", 0);
	double removed = cli_view_number(result, what->kind->member, 0);
	double before = cli_view_number(result, "matched", 0) - removed - softened;
	double instead = cli_view_number(result, "removed_instead", 0);
	double skipped = cli_view_number(result, "protected_skipped", 0);
	bool soft = cli_args_flag(what->args, "soft");
	bool spread = cli_args_text(what->args, "spread") != NULL;

	printf("%s", cli_cell_things(cli, removed, what->kind->done));
	if (soft || spread)
		printf(soft ? ", %s made stale" : ", %s made to end later",
			cli_cell_count(cli, softened));
	printf(" in %s.\n", cli_cell_span(cli, cli_view_number(result, "duration_ms", 0) / 1000));
	if (skipped > 0)
		printf("%s.\n", cli_cell_things(cli, skipped,
					"other key is protected|other keys are protected"));
	if (soft && before > 0)
		printf("%s stale before, or had gone.\n",
			cli_cell_things(cli, before, "other key was|other keys were"));
	if (instead > 0)
		printf("%sWARNING: %s REMOVED instead of made stale, because Redis is at maxmemory "
		       "and takes no marks: applications must load them again.%s\n",
			cli_grid_begin(cli, CLI_BAD),
			cli_cell_things(cli, instead, "key was|keys were"),
			cli_grid_end(cli, CLI_BAD));
}

static int report(struct invalidate *what, const struct cli_answer *answer)
{
	struct cli *cli = what->cli;
	struct json_value result = answer->json;
	bool complete = cli_view_true(result, "complete");

	if (cli->json) {
		cli_client_print(answer);
		return complete ? CLI_DONE : CLI_FAILED;
	}
	print_counts(what, result, false);
	print_verdict(what, result);
	if (complete)
		return CLI_DONE;
	return cli_say(CLI_FAILED, "it is not complete: %s",
		reason_text(cli_cell_text(cli, result, "reason")));
}

/* Where keys match and none would be changed: by default those with an expiry are left alone. */
static void say_only(const struct invalidate *what, struct json_value result, const char *member)
{
	if (what->kind != &expiring || cli_args_text(what->args, "only") ||
		cli_view_number(result, "matched", 0) <= 0 ||
		cli_view_number(result, member, -1) != 0)
		return;
	cli_say_done(0,
		"Keys that expire are left alone: --only longer changes those with a longer TTL, "
		"too, --only all each key.");
}

static int preview(struct invalidate *what, struct cli_answer *answer)
{
	int exit = ask(what, true, NULL, max_wait, answer);

	if (!exit && answer->status == 202)
		exit = await(what, -1, answer);
	return exit;
}

static int confirmed(struct invalidate *what, const char *confirm)
{
	struct cli_answer answer;
	int exit = ask(what, false, confirm, what->wait, &answer);

	if (exit)
		return exit;
	if (answer.status != 202)
		return report(what, &answer);
	exit = await(what, what->wait, &answer);
	return exit || what->wait == 0 ? exit : report(what, &answer);
}

static int run(struct cli *cli, const struct cli_args *args, const struct invalidate_kind *kind)
{
	struct invalidate what = {.cli = cli, .args = args, .kind = kind, .wait = -1};
	bool dry_run = cli_args_flag(args, "dry-run"), yes = cli_args_flag(args, "yes");
	struct cli_answer answer;
	struct buf body = {0};

	if (!read_options(&what, &body)) {
		buf_release(&body);
		return CLI_USAGE;
	}
	what.selectors = arena_take(&cli->arena, &body);
	if (!dry_run && !yes && !cli_screen_asks())
		return cli_say(CLI_USAGE,
			"nothing was done: without a terminal to ask on, --yes or "
			"--dry-run is required");
	int exit = preview(&what, &answer);

	if (exit)
		return exit;
	if (dry_run && cli->json)
		cli_client_print(&answer);
	else if (!yes || dry_run)
		print_preview(&what, answer.json);
	if (!cli->json)
		say_only(&what, answer.json, "would_change");
	if (dry_run)
		return CLI_DONE;
	if (!yes && !cli_screen_confirm(
			    cli_args_flag(args, "soft") ? "Make them stale?" : kind->question))
		return cli_say(CLI_FAILED, "%s", kind->declined);
	return confirmed(&what, cli_view_text(cli, answer.json, "confirm").p);
}

int cli_invalidate(struct cli *cli, const struct cli_args *args)
{
	return run(cli, args, &removing);
}

int cli_invalidate_expire(struct cli *cli, const struct cli_args *args)
{
	return run(cli, args, &expiring);
}
