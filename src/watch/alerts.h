/* SPDX-License-Identifier: MIT */
/*
 * Alerts: rules over the figures of /metrics, judged after each sample.
 *
 *	inactive --condition holds--> pending --for `for`--> firing --it ends--> resolved
 *
 * A pending alert whose condition ends is inactive again; a resolved one is shown for 15 minutes. A
 * rule whose figure is not known does not fire. EVENT_ALERT is published with a struct alert_look
 * when an alert begins to fire, and when it is resolved.
 *
 * A reload keeps the states of rules that did not change, and resolves those that are gone.
 */
#ifndef CW_WATCH_ALERTS_H
#define CW_WATCH_ALERTS_H

#include "watch/sampler.h"

enum alert_state { ALERT_INACTIVE, ALERT_PENDING, ALERT_FIRING, ALERT_RESOLVED };

struct alert_look {
	const struct conf_alert *rule; /* valid until the next turn */
	enum alert_state state;
	int64_t since_wall_ms;	 /* when it entered the state */
	int64_t started_wall_ms; /* firing, resolved: when it began to fire */
	double value;		 /* the last one; NAN = not known */
	const char *why_unknown; /* the end of a sentence; NULL where the value is known */
};

struct alerts;

const char *alerts_state_name(enum alert_state state); /* "inactive", "pending", ... */
/* Everything is borrowed. */
struct alerts *alerts_new(struct cache *cache, const struct sampler *sampler);
void alerts_free(struct alerts *alerts); /* may be NULL */
/* Judges all rules; to be called once per sample. */
void alerts_judge(struct alerts *alerts);
size_t alerts_count(const struct alerts *alerts);
struct alert_look alerts_look(const struct alerts *alerts, size_t i);
/* How many fire with at least that severity. */
size_t alerts_firing(const struct alerts *alerts, enum conf_severity severity);
const char *alerts_severity_name(enum conf_severity severity); /* "warning", "critical" */

#endif
