/* SPDX-License-Identifier: MIT */
/*
 * The figure that a rule of an alert is about: a gauge, the rate of a counter over the last minute,
 * or a quantile of a histogram over the last five minutes.
 */
#ifndef CW_WATCH_ALERT_VALUE_H
#define CW_WATCH_ALERT_VALUE_H

#include "watch/sampler.h"

struct alert_value;

struct alert_value *alert_value_new(const struct conf_alert *rule);
void alert_value_free(struct alert_value *value); /* may be NULL */
/*
 * NAN, and the end of a sentence in *ret_why, if it is not known. To be called once per sample.
 */
double alert_value_read(struct alert_value *value, const struct conf_alert *rule,
	const struct cache *cache, const struct sampler *sampler, const char **ret_why);

#endif
