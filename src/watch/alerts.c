/* SPDX-License-Identifier: MIT */
/* The states of alerts; see alerts.h. */
#include "watch/alerts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "watch/alert_value.h"

enum { resolved_shown_ms = 15 * 60 * 1000 };

struct alert {
	const struct conf_alert *rule;
	struct alert_value *figure;
	struct alert_look look;
	int64_t since_mono_ms;
};

struct alerts {
	struct cache *cache;
	const struct sampler *sampler;
	struct event_subscription *reloads;
	struct conf *conf; /* that the rules belong to */
	struct alert *items;
	size_t count;
};

const char *alerts_state_name(enum alert_state state)
{
	static const char *const names[] = {"inactive", "pending", "firing", "resolved"};

	assert(state < sizeof names / sizeof *names);
	return names[state];
}

const char *alerts_severity_name(enum conf_severity severity)
{
	static const char *const names[] = {"warning", "critical"};

	assert(severity < sizeof names / sizeof *names);
	return names[severity];
}

static void enter(struct alerts *alerts, struct alert *alert, enum alert_state state)
{
	struct metrics *m = alerts->cache->metrics;
	bool fires = state == ALERT_FIRING;

	alert->look.state = state;
	alert->look.since_wall_ms = clock_wall_ms();
	alert->since_mono_ms = clock_mono_ms();
	if (fires)
		alert->look.started_wall_ms = alert->look.since_wall_ms;
	metric_set(m, METRIC_ALERT_FIRING, alert->rule->name,
		alerts_severity_name(alert->rule->severity), fires);
	if (fires || state == ALERT_RESOLVED)
		event_publish(alerts->cache->bus, EVENT_ALERT, &alert->look);
}

/* The condition holds, or does not, at this moment. */
static void step(struct alerts *alerts, struct alert *alert, bool holds)
{
	enum alert_state state = alert->look.state;
	int64_t for_ms = clock_mono_ms() - alert->since_mono_ms;

	if (holds && state != ALERT_PENDING && state != ALERT_FIRING) {
		enter(alerts, alert, alert->rule->for_ms ? ALERT_PENDING : ALERT_FIRING);
	} else if (holds && state == ALERT_PENDING && for_ms >= alert->rule->for_ms) {
		enter(alerts, alert, ALERT_FIRING);
	} else if (!holds && state == ALERT_FIRING) {
		enter(alerts, alert, ALERT_RESOLVED);
	} else if (!holds && (state == ALERT_PENDING ||
				     (state == ALERT_RESOLVED && for_ms >= resolved_shown_ms))) {
		enter(alerts, alert, ALERT_INACTIVE);
	}
}

static void judge(struct alerts *alerts, struct alert *alert)
{
	const struct conf_alert *rule = alert->rule;
	double value = alert_value_read(
		alert->figure, rule, alerts->cache, alerts->sampler, &alert->look.why_unknown);
	bool holds = !isnan(value) &&
		     (rule->is_above ? value > rule->threshold : value < rule->threshold);

	alert->look.value = value;
	step(alerts, alert, holds);
}

void alerts_judge(struct alerts *alerts)
{
	for (size_t i = 0; i < alerts->count; i++)
		judge(alerts, &alerts->items[i]);
}

static bool same_rule(const struct conf_alert *a, const struct conf_alert *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->metric.text, b->metric.text) == 0 &&
	       a->is_above == b->is_above && a->for_ms == b->for_ms &&
	       !(a->threshold < b->threshold) && !(a->threshold > b->threshold) &&
	       a->min_lookups == b->min_lookups && a->severity == b->severity;
}

/* Takes an alert of the rules before over; false if there was none like it. */
static bool keep(struct alerts *before, struct alert *alert, const struct conf_alert *rule)
{
	for (size_t i = 0; i < before->count; i++) {
		struct alert *old = &before->items[i];

		if (!old->figure || !same_rule(old->rule, rule))
			continue;
		*alert = *old;
		alert->rule = alert->look.rule = rule;
		old->figure = NULL;
		return true;
	}
	return false;
}

static void release(struct alerts *alerts)
{
	for (size_t i = 0; i < alerts->count; i++)
		alert_value_free(alerts->items[i].figure);
	mem_free(alerts->items);
	conf_unref(alerts->conf);
}

/* Begins with the rules of a configuration. */
static void take(struct alerts *alerts, struct conf *conf)
{
	alerts->conf = conf_ref(conf);
	alerts->count = conf->alert_count;
	alerts->items = mem_array(alerts->count, sizeof *alerts->items);
	for (size_t i = 0; i < alerts->count; i++) {
		struct alert *alert = &alerts->items[i];

		alert->rule = alert->look.rule = &conf->alerts[i];
		alert->look.value = (double)NAN;
		alert->look.why_unknown = "the rule was not judged yet";
	}
}

static void reloaded(void *context, const void *data)
{
	struct alerts *alerts = context, before = *alerts;
	struct conf *conf = conf_ref((struct conf *)data);

	metric_drop(alerts->cache->metrics, METRIC_ALERT_FIRING, NULL, NULL);
	take(alerts, conf);
	for (size_t i = 0; i < alerts->count; i++) {
		struct alert *alert = &alerts->items[i];

		if (!keep(&before, alert, &conf->alerts[i]))
			alert->figure = alert_value_new(alert->rule);
		metric_set(alerts->cache->metrics, METRIC_ALERT_FIRING, alert->rule->name,
			alerts_severity_name(alert->rule->severity),
			alert->look.state == ALERT_FIRING);
	}
	for (size_t i = 0; i < before.count; i++) {
		struct alert *gone = &before.items[i];

		if (!gone->figure || gone->look.state != ALERT_FIRING)
			continue;
		gone->look.state = ALERT_RESOLVED;
		gone->look.since_wall_ms = clock_wall_ms();
		event_publish(alerts->cache->bus, EVENT_ALERT, &gone->look);
	}
	release(&before);
	conf_unref(conf);
}

struct alerts *alerts_new(struct cache *cache, const struct sampler *sampler)
{
	struct alerts *alerts = mem_new(struct alerts);

	alerts->cache = cache;
	alerts->sampler = sampler;
	take(alerts, cache->conf);
	for (size_t i = 0; i < alerts->count; i++) {
		alerts->items[i].figure = alert_value_new(alerts->items[i].rule);
		enter(alerts, &alerts->items[i], ALERT_INACTIVE);
	}
	alerts->reloads = event_subscribe(cache->bus, EVENT_CONFIG, reloaded, alerts);
	return alerts;
}

void alerts_free(struct alerts *alerts)
{
	if (!alerts)
		return;
	event_unsubscribe(alerts->reloads);
	release(alerts);
	mem_free(alerts);
}

size_t alerts_count(const struct alerts *alerts)
{
	return alerts->count;
}

struct alert_look alerts_look(const struct alerts *alerts, size_t i)
{
	return alerts->items[i].look;
}

size_t alerts_firing(const struct alerts *alerts, enum conf_severity severity)
{
	size_t count = 0;

	for (size_t i = 0; i < alerts->count; i++)
		count += alerts->items[i].look.state == ALERT_FIRING &&
			 alerts->items[i].rule->severity >= severity;
	return count;
}
