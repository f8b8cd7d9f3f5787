/* SPDX-License-Identifier: MIT */
/* Hits and misses by namespace as JSON: through the daemon, and of clients that use Redis directly.
 */
#ifndef CW_API_NAMESPACE_LOOKUPS_H
#define CW_API_NAMESPACE_LOOKUPS_H

#include "api/app.h"
#include "watch/lookup_sums.h"

struct namespace_lookups {
	struct client_lookups_view view;
	struct lookup_sums daemon, missed, in_windows;
};

void namespace_lookups_init(struct namespace_lookups *lookups, const struct app *app,
	const struct namespace_sample *sample);
void namespace_lookups_release(struct namespace_lookups *lookups);
/* The members `daemon` and `clients` of row `i` of the sample. */
void namespace_lookups_add_row(const struct namespace_lookups *lookups, cJSON *item, size_t i);
/* The same of keys in no namespace, and of namespaces without a row. */
void namespace_lookups_add_unmatched(const struct namespace_lookups *lookups, cJSON *item);
void namespace_lookups_add_rest(const struct namespace_lookups *lookups, cJSON *item);
/* `clients` of the whole answer: what it is based on. */
void namespace_lookups_add_method(const struct client_lookups_view *view, cJSON *object);

#endif
