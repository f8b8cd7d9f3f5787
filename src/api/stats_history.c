/* SPDX-License-Identifier: MIT */
/* Points of the history as JSON; see stats_history.h. */
#include "api/stats_history.h"

#include <math.h>

#include "text/json.h"
#include "text/quantity.h"

static const struct {
	const char *name;
	int decimals;
} rows[HISTORY_COUNT] = {
#define X(name, text, decimals) {text, decimals},
	HISTORY_TABLE(X)
#undef X
};

bool stats_history_asked(const struct request *request)
{
	struct slice value;

	return request_query(request, "history", &value) || request_query(request, "step", &value);
}

/* A duration in whole seconds; *ret stays where the parameter is absent. */
static enum error read_seconds(
	const struct request *request, const char *name, int64_t *ret, struct fault *fault)
{
	struct slice text;
	int64_t ms;

	if (!request_query(request, name, &text))
		return OK;
	const char *why = quantity_parse_duration(text, &ms);

	if (!why && (ms == 0 || ms % 1000))
		why = "is not in whole seconds, at least 1s";
	if (why)
		return fault_set(fault, ERR_BAD_PARAMETER, "the parameter %s %s", name, why);
	*ret = ms / 1000;
	return OK;
}

/* 12.5, null: at most `decimals` digits behind the point, without zeros at the end. */
static void add_number(struct buf *out, double value, int decimals)
{
	static const int64_t powers[] = {1, 10, 100, 1000, 10000};
	int64_t power = powers[decimals];

	/* A gap, or too much for a figure of a server. */
	if (!(value >= 0) || value > 1e15 / (double)power) {
		buf_str(out, "null");
		return;
	}
	int64_t scaled = llround(value * (double)power), part = scaled % power;

	buf_int(out, scaled / power);
	if (part)
		buf_char(out, '.');
	for (int digit = decimals - 1; part && digit >= 0; digit--) {
		buf_char(out, (char)('0' + part / powers[digit]));
		part %= powers[digit];
	}
}

static double hit_rate(
	const struct history *history, const struct history_range *range, bool own, size_t i)
{
	double hits = history_value(history, range, own ? HISTORY_CACHE_HITS : HISTORY_HITS, i);
	double misses =
		history_value(history, range, own ? HISTORY_CACHE_MISSES : HISTORY_MISSES, i);

	return hits + misses > 0 ? hits / (hits + misses) : (double)NAN;
}

/* Each list is one raw text: an answer may have 20,000 numbers. */
static void add_list(cJSON *series, const char *name, struct buf *list)
{
	buf_char(list, ']');
	cJSON_AddRawToObject(series, name, list->p);
	buf_clear(list);
}

static void add_series(
	cJSON *series, const struct history *history, const struct history_range *range)
{
	static const char *const rates[] = {"hit_rate", "cache_hit_rate"};
	struct buf list = {0};

	for (size_t own = 0; own < 2; own++) {
		for (size_t i = 0; i < range->count; i++) {
			buf_char(&list, i ? ',' : '[');
			add_number(&list, hit_rate(history, range, own, i), 4);
		}
		add_list(series, rates[own], &list);
	}
	for (int row = 0; row < HISTORY_COUNT; row++) {
		for (size_t i = 0; i < range->count; i++) {
			buf_char(&list, i ? ',' : '[');
			add_number(&list,
				history_value(history, range, (enum history_series)row, i),
				rows[row].decimals);
		}
		add_list(series, rows[row].name, &list);
	}
	buf_release(&list);
}

enum error stats_history_add(
	cJSON *stats, const struct app *app, const struct request *request, struct fault *fault)
{
	int64_t seconds = 0, step = 0, now = clock_mono_ms();
	struct history_range range;
	enum error error = read_seconds(request, "history", &seconds, fault);

	if (!error)
		error = read_seconds(request, "step", &step, fault);
	if (!error && !app->history)
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"there is no history, because stats.history is 0");
	if (!error && !seconds)
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"the parameter step needs history, such as ?history=15m&step=10s");
	const struct history *history = error ? NULL : history_keeper_history(app->history);

	if (!error)
		error = history_select(history, now, seconds, step, &range, fault);
	if (error)
		return error;
	cJSON *member = cJSON_AddObjectToObject(stats, "history");

	json_add_time(member, "start", clock_wall_ms() - now + range.start_mono_ms);
	json_add_int(member, "step_seconds", range.step);
	add_series(cJSON_AddObjectToObject(member, "series"), history, &range);
	return OK;
}
