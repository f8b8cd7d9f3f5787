/* SPDX-License-Identifier: MIT */
/*
 * Events in words; see event_words.h.
 *
 * A daemon of another version may leave members out: then their part of the sentence is left out.
 */
#include "cli/event_words.h"

#include <string.h>

#include "cli/cell.h"
#include "cli/view.h"

/* ", by deploy (release 812), operation 01a2..., on shop-prod" */
static void add_origin(struct cli *cli, struct json_value data, struct buf *out)
{
	struct slice by = cli_view_text(cli, data, "by"), note = cli_view_text(cli, data, "note");
	struct slice operation = cli_view_text(cli, data, "operation_id");
	struct slice name = cli_view_text(cli, data, "name");

	if (by.n)
		buf_printf(out, ", by %s", by.p);
	if (note.n)
		buf_printf(out, by.n ? " (%s)" : ", note: %s", note.p);
	if (operation.n)
		buf_printf(out, ", operation %s", operation.p);
	if (name.n)
		buf_printf(out, ", on %s", name.p);
}

/* ", 5,000 stored" where it is known, and not 0 unless `always`. */
static void add_count(struct cli *cli, struct json_value data, const char *member, const char *word,
	bool always, struct buf *out)
{
	double count = cli_view_number(data, member, -1);

	if (count > 0 || (count == 0 && always))
		buf_printf(out, ", %s %s", cli_cell_count(cli, count), word);
}

static void add_duration(struct cli *cli, struct json_value data, struct buf *out)
{
	double ms = cli_view_number(data, "duration_ms", -1);

	if (ms >= 0)
		buf_printf(out, " in %s", cli_cell_span(cli, ms / 1000));
}

/* ", patterns: a*, b*" */
static void add_names(struct cli *cli, struct json_value data, const char *member, struct buf *out)
{
	const char *names = cli_view_join(cli, data, member);

	if (names)
		buf_printf(out, ", %s: %s", member, names);
}

static void add_invalidation(struct cli *cli, struct json_value data, struct buf *out)
{
	const char *kinds = cli_view_join(cli, data, "kinds");
	struct slice reason = cli_view_text(cli, data, "reason");

	if (kinds)
		buf_printf(out, "by %s: ", kinds);
	buf_str(out, cli_cell_text(cli, data, "state"));
	if (reason.n)
		buf_printf(out, " (%s)", reason.p);
	add_count(cli, data, "matched", "matched", true, out);
	add_count(cli, data, "invalidated", "removed", true, out);
	add_count(cli, data, "softened", "made to end or stale", false, out);
	add_count(cli, data, "protected_skipped", "protected", false, out);
	add_duration(cli, data, out);
	if (cli_view_number(data, "removed_instead", 0) > 0)
		buf_printf(out, "; REDIS WAS FULL: %s instead of made stale",
			cli_cell_things(cli, cli_view_number(data, "removed_instead", 0),
				"key was removed|keys were removed"));
	add_names(cli, data, "keys", out);
	add_names(cli, data, "patterns", out);
	add_names(cli, data, "tags", out);
	if (cli_view_true(data, "truncated"))
		buf_str(out, ", and more names");
	add_origin(cli, data, out);
}

/* While it runs how far it is, at its end what came of it. */
static void add_warm(struct cli *cli, struct json_value data, struct buf *out)
{
	bool ended = cli_view_number(data, "duration_ms", -1) >= 0;
	double done = cli_view_number(data, "progress/done", 0);
	struct slice error = cli_view_text(cli, data, "error/detail");

	buf_printf(
		out, "%s: %s", cli_cell_text(cli, data, "job"), cli_cell_text(cli, data, "state"));
	if (cli_view_is(data, "state", "missed") && cli_view_text(cli, data, "due").n)
		buf_printf(out, ", due at %s", cli_cell_text(cli, data, "due"));
	if (!ended && done > 0)
		buf_printf(out, ", %s", cli_cell_things(cli, done, "row so far|rows so far"));
	if (!ended && cli_view_number(data, "progress/ratio", -1) >= 0)
		buf_printf(out, " (%s)", cli_cell_ratio_at(cli, data, "progress/ratio"));
	if (ended)
		add_count(cli, data, "rows", "rows", true, out);
	add_count(cli, data, "stored", "stored", true, out);
	add_count(cli, data, "skipped", "skipped", false, out);
	add_count(cli, data, "rejected", "rejected", false, out);
	add_count(cli, data, "invalidated_meanwhile", "invalidated meanwhile", false, out);
	add_duration(cli, data, out);
	if (error.n)
		buf_printf(out, ": %s", error.p);
	add_origin(cli, data, out);
}

static void add_alert(struct cli *cli, struct json_value data, struct buf *out)
{
	bool fires = cli_view_is(data, "state", "firing");

	buf_printf(out, "%s %s", cli_cell_text(cli, data, "alert"),
		fires ? "fires" : cli_cell_text(cli, data, "state"));
	if (cli_view_text(cli, data, "severity").n)
		buf_printf(out, " (%s)", cli_cell_text(cli, data, "severity"));
	if (cli_view_text(cli, data, "metric").n)
		buf_printf(out, ": %s is %s, its limit %s", cli_cell_text(cli, data, "metric"),
			cli_cell_real_at(cli, data, "value"),
			cli_cell_real_at(cli, data, "threshold"));
	add_origin(cli, data, out);
}

static void add_breaker(struct cli *cli, struct json_value data, struct buf *out)
{
	bool open = cli_view_is(data, "state", "open");
	double failures = cli_view_number(data, "failures", 0);

	buf_printf(out, "%s %s: %s", cli_cell_text(cli, data, "of"),
		cli_cell_text(cli, data, "subject"),
		open ? "the breaker has opened: nothing is sent until it answers again"
		: cli_view_is(data, "state", "closed") ? "the breaker has closed: it is used again"
						       : cli_cell_text(cli, data, "state"));
	if (failures > 0)
		buf_printf(out, ", after %s", cli_cell_things(cli, failures, "failure|failures"));
	add_origin(cli, data, out);
}

static void add_config(struct cli *cli, struct json_value data, struct buf *out)
{
	buf_str(out, cli_view_is(data, "state", "loaded") ? "a reload took effect"
		     : cli_view_is(data, "state", "refused")
			     ? "a reload was refused, the configuration before it is in "
			       "use: cachewarden health says why"
			     : cli_cell_text(cli, data, "state"));
	add_origin(cli, data, out);
}

static void add_pause(struct cli *cli, struct json_value data, struct buf *out)
{
	const char *what = cli_view_join(cli, data, "what");

	if (!what)
		what = cli_cell_text(cli, data, "what");
	if (cli_view_true(data, "paused"))
		buf_printf(out, "%s is paused until %s", what, cli_cell_text(cli, data, "until"));
	else
		buf_printf(out, "%s runs again", what);
	add_origin(cli, data, out);
}

static void add_gap(struct cli *cli, struct json_value data, struct buf *out)
{
	double missed = cli_view_number(data, "missed", 0);

	buf_str(out, "events may be missing here");
	if (missed > 0)
		buf_printf(out, " (%s)", cli_cell_count(cli, missed));
	buf_printf(out, ": %s",
		cli_view_text(cli, data, "detail").n ? cli_cell_text(cli, data, "detail")
						     : cli_cell_text(cli, data, "reason"));
	add_origin(cli, data, out);
}

static void add_value(
	struct slice prefix, struct slice name, struct json_value value, struct buf *out)
{
	struct buf text = {0};

	json_scalar(value, &text);
	bool quoted = value.type == JSON_STRING && memchr(text.p, ' ', text.n);

	buf_printf(out, "%s%.*s%.*s=%s%.*s%s", out->n ? " " : "", (int)prefix.n, prefix.p,
		(int)name.n, name.p, quoted ? "\"" : "", (int)text.n, text.n ? text.p : "",
		quoted ? "\"" : "");
	buf_release(&text);
}

/* Of an error its sentence, of other objects the members that are known, with a dot between. */
static void add_object(struct slice name, struct json_value object, struct buf *out)
{
	struct json_iter members = json_iterate(object);
	struct json_value detail;
	struct buf prefix = {0};

	if (cli_view(object, "detail", &detail)) {
		add_value(slice_of("", 0), name, detail, out);
		return;
	}
	buf_printf(&prefix, "%.*s.", (int)name.n, name.p);
	while (json_next(&members))
		if (members.value.type != JSON_NULL)
			add_value(buf_slice(&prefix), members.name, members.value, out);
	buf_release(&prefix);
}

/* `member=value` for each that is known; what all events have is shown in front. */
static void add_members(struct cli *cli, struct json_value data, struct buf *out)
{
	struct json_iter members = json_iterate(data);

	(void)cli;
	while (json_next(&members)) {
		if (members.value.type == JSON_NULL || slice_is(members.name, "time") ||
			slice_is(members.name, "trace_id"))
			continue;
		if (members.value.type == JSON_OBJECT)
			add_object(members.name, members.value, out);
		else
			add_value(slice_of("", 0), members.name, members.value, out);
	}
}

static const struct {
	const char *event;
	void (*add)(struct cli *cli, struct json_value data, struct buf *out);
} sentences[] = {
	{"invalidation", add_invalidation},
	{"warm", add_warm},
	{"alert", add_alert},
	{"breaker", add_breaker},
	{"config", add_config},
	{"pause", add_pause},
	{"gap", add_gap},
};

const char *cli_event_words(struct cli *cli, struct slice event, struct json_value data)
{
	void (*add)(struct cli * cli, struct json_value data, struct buf * out) = add_members;
	struct buf text = {0}, clean = {0};

	if (data.type != JSON_OBJECT)
		return "";
	for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
		if (slice_is(event, sentences[i].event))
			add = sentences[i].add;
	add(cli, data, &text);
	cli_cell_clean(buf_slice(&text), &clean);
	buf_release(&text);
	return clean.n ? arena_take(&cli->arena, &clean).p : "";
}
