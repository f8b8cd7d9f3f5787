/* SPDX-License-Identifier: MIT */
/*
 * Removes from answers what a caller with key_prefixes must not see of other callers: names of
 * keys, notes, parameters, tags. Does nothing for a caller without key_prefixes.
 */
#ifndef CW_API_HIDE_H
#define CW_API_HIDE_H

#include <cjson/cJSON.h>

#include "conf/conf.h"
#include "operation/operation.h"

/*
 * Of any operation: the names outside the prefixes. Of one that another caller started also its
 * note, the detail of its error, and every text of its result.
 */
void hide_operation(
	const struct identity *who, const struct conf *conf, struct operation_view *view);
/* From a list of names, or of lists of names: the names outside. */
void hide_names(const struct identity *who, cJSON *list);
/* Of a selector {"kind", "value"} of another caller: the value, if it names anything outside. */
void hide_selector(const struct identity *who, cJSON *selector);
/* Whether every key of the template is inside the prefixes: its literal beginning has one. */
bool hide_inside(const struct identity *who, const struct template *key);

#endif
