/* SPDX-License-Identifier: MIT */
/* Durations on the command line; see duration.h. */
#include "cli/duration.h"

#include <stdio.h>

#include "cli/say.h"
#include "text/quantity.h"

const struct cli_duration_limits cli_duration_ttl = {
	.min = 1, .max = TTL_MAX_MS / 1000, .never = true};

static void say_malformed(
	struct slice text, const char *what, const struct cli_duration_limits *limits)
{
	if (!text.n)
		cli_say(CLI_USAGE, "%s must not be empty: it takes a duration such as %s", what,
			limits->milliseconds ? "5ms" : "1h30m");
	else if (limits->milliseconds)
		cli_say(CLI_USAGE,
			"%s must be whole milliseconds or a duration such as 5ms, not %s", what,
			text.p);
	else
		cli_say(CLI_USAGE, "%s must be whole seconds or a duration such as 1h30m%s, not %s",
			what, limits->never ? ", or -1 for no expiry" : "", text.p);
}

/* "at most 7d" */
static void say_limit(
	struct slice text, const char *what, const char *which, int64_t ms, bool never)
{
	struct buf limit = {0};

	quantity_format_duration(ms, &limit);
	cli_say(CLI_USAGE, "%s takes %s %s%s, not %s", what, which, limit.p,
		never ? ", or -1 for no expiry" : "", text.p);
	buf_release(&limit);
}

bool cli_duration_parse(
	struct slice text, const char *what, const struct cli_duration_limits *limits, int64_t *ret)
{
	int64_t unit = limits->milliseconds ? 1 : 1000, value, ms;

	if (!slice_int64(text, &value)) {
		if (quantity_parse_duration(text, &ms) != NULL || ms % unit != 0) {
			say_malformed(text, what, limits);
			return false;
		}
		value = ms / unit;
	} else if (value < 0 && !(limits->never && value == -1)) {
		say_malformed(text, what, limits);
		return false;
	}
	if (value >= 0 && value < limits->min) {
		say_limit(text, what, "at least", limits->min * unit, limits->never);
		return false;
	}
	if (value > limits->max) {
		say_limit(text, what, "at most", limits->max * unit, limits->never);
		return false;
	}
	*ret = value;
	return true;
}

bool cli_duration(const struct cli_args *args, const char *name,
	const struct cli_duration_limits *limits, int64_t *ret)
{
	const char *text = cli_args_text(args, name);
	char what[64];

	if (!text)
		return true;
	snprintf(what, sizeof what, "--%s", name);
	return cli_duration_parse(slice_str(text), what, limits, ret);
}
