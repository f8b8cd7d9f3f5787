/* SPDX-License-Identifier: MIT */
/* The rate limit of the log; see log_limit.h. */
#include "base/log_limit.h"

#include <string.h>

#include "base/utf8.h"

static int64_t last_line_at(const struct log_limit_kind *kind)
{
	return kind->at[(kind->next + LOG_LIMIT_LINES - 1) % LOG_LIMIT_LINES];
}

/* The kind's place, or the one to use for it: a free one, else the longest silent. */
static struct log_limit_kind *find(struct log_limit *rate, const char *format, enum log_level level)
{
	struct log_limit_kind *place = &rate->kinds[0];

	for (size_t i = 0; i < LOG_LIMIT_KINDS; i++) {
		struct log_limit_kind *kind = &rate->kinds[i];

		if (kind->format == format && kind->level == level)
			return kind;
		if (!place->format)
			continue;
		if (!kind->format || last_line_at(kind) < last_line_at(place))
			place = kind;
	}
	return place;
}

static bool has_room(const struct log_limit_kind *kind, int64_t now_ms)
{
	return now_ms - kind->at[kind->next] >= LOG_LIMIT_MS;
}

static void take(struct log_limit_kind *kind, struct log_limit_kind *ret_due)
{
	*ret_due = *kind;
	kind->left_out = 0;
}

bool log_limit_admit(struct log_limit *rate, const char *format, enum log_level level,
	int64_t now_ms, struct log_limit_kind *ret_due)
{
	struct log_limit_kind *kind = find(rate, format, level);

	if (kind->format != format || kind->level != level) {
		take(kind, ret_due);
		*kind = (struct log_limit_kind){.format = format, .level = level};
		for (size_t i = 0; i < LOG_LIMIT_LINES; i++)
			kind->at[i] = now_ms - LOG_LIMIT_MS;
	} else if (has_room(kind, now_ms)) {
		take(kind, ret_due);
	} else {
		ret_due->left_out = 0;
		kind->left_out++;
		return false;
	}
	kind->at[kind->next] = now_ms;
	kind->next = (kind->next + 1) % LOG_LIMIT_LINES;
	return true;
}

void log_limit_note(
	struct log_limit *rate, const char *format, enum log_level level, struct slice message)
{
	struct log_limit_kind *kind = find(rate, format, level);
	struct slice kept = message;

	if (kept.n >= sizeof kind->sample)
		kept = utf8_trim(slice_of(kept.p, sizeof kind->sample - 1));
	memcpy(kind->sample, kept.p, kept.n);
	kind->sample[kept.n] = '\0';
}

bool log_limit_due(struct log_limit *rate, int64_t now_ms, struct log_limit_kind *ret_due)
{
	for (size_t i = 0; i < LOG_LIMIT_KINDS; i++) {
		struct log_limit_kind *kind = &rate->kinds[i];

		if (kind->left_out == 0 || !has_room(kind, now_ms))
			continue;
		take(kind, ret_due);
		return true;
	}
	return false;
}
