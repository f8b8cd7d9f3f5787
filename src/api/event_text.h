/* SPDX-License-Identifier: MIT */
/* An event as one caller may see it. */
#ifndef CW_API_EVENT_TEXT_H
#define CW_API_EVENT_TEXT_H

#include "conf/conf.h"
#include "watch/event_ring.h"

struct event_view {
	const struct identity *who;
	const struct conf *conf;
	bool detail; /* with the names of invalidations, those within the caller's prefixes */
};

/* Whether the caller sees the event as it was published. */
bool event_text_is_plain(const struct event_item *item, const struct event_view *view);
/*
 * Appends the event's data, one JSON object. With `detail` an invalidation has `keys`, `patterns`,
 * `tags` and `truncated`, all null if names were not recorded. A caller with key_prefixes does not
 * see tags, patterns that may match other keys, and what hide_operation() hides.
 */
void event_text_data(const struct event_item *item, const struct event_view *view, struct buf *out);

#endif
