/* SPDX-License-Identifier: MIT */
/*
 * What a caller with key_prefixes does not see of others: names of keys, notes, parameters, tags.
 * None of these does anything for a caller without key_prefixes.
 */
#ifndef CW_API_HIDE_H
#define CW_API_HIDE_H

#include <cjson/cJSON.h>

#include "conf/conf.h"
#include "operation/operation.h"

/*
 * Of an operation: the names outside the prefixes, whichever caller began it. Of one that another
 * began also its note, the detail of its error, and every text of its result.
 */
void hide_operation(
	const struct identity *who, const struct conf *conf, struct operation_view *view);
/* The names outside, from a list of names or of lists of them. */
void hide_names(const struct identity *who, cJSON *list);
/* The selector {"kind", "value"} of another's invalidation: its value, where it names anything
 * outside. */
void hide_selector(const struct identity *who, cJSON *selector);
/* Whether each key that the template comes to is inside the prefixes: it begins with one. */
bool hide_inside(const struct identity *who, const struct template *key);

#endif
