/* SPDX-License-Identifier: MIT */
/* Windows over counters and histograms, as rings of earlier states; see alert_value.h. */
#include "watch/alert_value.h"

#include <math.h>
#include <string.h>

#include "base/histogram.h"
#include "base/mem.h"

enum {
	rate_slots = 12,
	rate_slot_ms = 5000,
	quantile_slots = 10,
	quantile_slot_ms = 30000,
};

struct alert_value {
	/* Earlier states of a counter. */
	struct {
		double total;
		int64_t at_ms;
	} counts[rate_slots];
	/* Earlier states of a histogram; NULL where the rule is about none. */
	struct histogram *records;
	int64_t pushed_ms; /* the last one */
	size_t first, count;
};

struct alert_value *alert_value_new(const struct conf_alert *rule)
{
	struct alert_value *value = mem_new(struct alert_value);

	if (rule->metric.kind == ALERT_QUANTILE)
		value->records = mem_array(quantile_slots, sizeof *value->records);
	return value;
}

void alert_value_free(struct alert_value *value)
{
	if (!value)
		return;
	mem_free(value->records);
	mem_free(value);
}

/* The place for the present state, in a ring of `slots`; the oldest one makes room. */
static size_t push(struct alert_value *value, size_t slots, int64_t now_ms)
{
	if (value->count == slots) {
		value->first = (value->first + 1) % slots;
		value->count--;
	}
	value->pushed_ms = now_ms;
	return (value->first + value->count++) % slots;
}

/* Growth per second since the oldest state. */
static double rate_of(struct alert_value *value, double total, int64_t now_ms)
{
	double rate = (double)NAN;

	if (value->count && total < value->counts[value->first].total)
		value->count = 0; /* the counter began anew */
	if (value->count && now_ms > value->counts[value->first].at_ms)
		rate = (total - value->counts[value->first].total) * 1000 /
		       (double)(now_ms - value->counts[value->first].at_ms);
	if (!value->count || now_ms - value->pushed_ms >= rate_slot_ms) {
		size_t at = push(value, rate_slots, now_ms);

		value->counts[at].total = total;
		value->counts[at].at_ms = now_ms;
	}
	return rate;
}

/* Seconds, over what was recorded since the oldest state; until there is one, over everything. */
static double quantile_of(
	struct alert_value *value, const struct histogram *now, double q, int64_t now_ms)
{
	struct histogram recent = *now;

	if (value->count)
		histogram_subtract(&recent, &value->records[value->first]);
	if (!value->count || now_ms - value->pushed_ms >= quantile_slot_ms) {
		size_t at = push(value, quantile_slots, now_ms);

		/* The first state is the empty one, so that what came before it counts. */
		histogram_clear(&value->records[at]);
		if (value->count > 1)
			value->records[at] = *now;
	}
	return recent.count ? (double)histogram_quantile(&recent, q) / 1e6 : (double)NAN;
}

/* A figure of INFO; NAN while Redis does not answer. */
static double figure_of(
	const struct conf_alert *rule, const struct cache *cache, const struct sampler *sampler)
{
	const struct sample *sample = sampler_latest(sampler);
	bool up = store_state(cache->store).status == REDIS_UP;
	int64_t figure =
		sample->known && up ? redis_info_figure(&sample->info, rule->metric.figure) : -1;

	return figure < 0 ? (double)NAN : (double)figure;
}

/* As it is now, before windows. */
static double total_of(
	const struct conf_alert *rule, const struct cache *cache, const struct sampler *sampler)
{
	enum metric metric = rule->metric.metric;
	double value;

	if (metric == METRIC_COUNT)
		return figure_of(rule, cache, sampler);
	if (rule->metric.kind == ALERT_RATE)
		return metric_total(cache->metrics, metric);
	return metric_extreme(cache->metrics, metric, rule->is_above, &value) ? value : (double)NAN;
}

static const char *why_unknown(
	const struct conf_alert *rule, const struct cache *cache, const struct sampler *sampler)
{
	const struct sample *sample = sampler_latest(sampler);
	enum metric metric = rule->metric.metric;

	if (store_state(cache->store).status != REDIS_UP || !sample->known)
		return "Redis does not answer";
	if (metric == METRIC_REDIS_MEMORY_USED_RATIO && sampler_memory_limit(sampler) == 0)
		return "Redis has no memory limit: set maxmemory in Redis, or redis.memory_limit";
	if (metric == METRIC_REDIS_HIT_RATIO)
		return "there were no lookups in the window";
	return "the figure has no value yet";
}

double alert_value_read(struct alert_value *value, const struct conf_alert *rule,
	const struct cache *cache, const struct sampler *sampler, const char **ret_why)
{
	int64_t now_ms = clock_mono_ms();
	double read;

	*ret_why = NULL;
	if (rule->metric.kind == ALERT_QUANTILE) {
		struct histogram now = {0};

		metric_histogram_total(cache->metrics, rule->metric.metric, &now);
		read = quantile_of(value, &now, rule->metric.quantile, now_ms);
	} else {
		read = total_of(rule, cache, sampler);
		if (rule->metric.kind == ALERT_RATE && !isnan(read))
			read = rate_of(value, read, now_ms);
	}
	if (isnan(read)) {
		*ret_why = why_unknown(rule, cache, sampler);
	} else if (sampler_latest(sampler)->lookups < rule->min_lookups) {
		*ret_why = "there were fewer lookups in the window than min_lookups";
		return (double)NAN;
	}
	return read;
}
