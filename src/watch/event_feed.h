/* SPDX-License-Identifier: MIT */
/*
 * The events of all daemons on one Redis, in one order.
 *
 *	publish -> XADD cw:events -> XRANGE of what is new, ours and others' -> the ring -> readers
 *
 * An event is shown when it is read back, so that all daemons show the same order. While Redis
 * cannot be used, own events are shown at once, and stored when it can be (`late`). If entries may
 * have been lost meanwhile, an event `gap` says so. Without watchers nothing is read until an event
 * is published; what others have published since then is read by event_feed_refresh().
 */
#ifndef CW_WATCH_EVENT_FEED_H
#define CW_WATCH_EVENT_FEED_H

#include <cjson/cJSON.h>

#include "cache/cache.h"
#include "watch/event_ring.h"

struct event_feed;

struct event_feed *event_feed_new(struct cache *cache, struct log *log);
/* Stores what is not stored yet, for at most 2 s. May be NULL. Parks. */
void event_feed_free(struct event_feed *feed);

/*
 * Publishes an event: `event` is constant text, `data` one object, which is taken over, and `names`
 * is what event_item.names says. The data gets the members `time` and `name` of this daemon.
 */
void event_feed_publish(
	struct event_feed *feed, const char *event, cJSON *data, struct slice names);
/* Reads what other daemons have published. Waits until Redis has answered or failed. Parks. */
void event_feed_refresh(struct event_feed *feed, int64_t deadline);
/* What can be shown. Borrowed. */
const struct event_ring *event_feed_ring(const struct event_feed *feed);

/* While there are watchers, other daemons' events are read once a second. Embedded in its owner. */
struct event_watcher {
	void (*grown)(void *context); /* the ring has grown; must not park, nor end a watcher */
	void *context;
	struct event_watcher *next, **at;
};

void event_feed_watch(struct event_feed *feed, struct event_watcher *watcher);
void event_feed_unwatch(struct event_watcher *watcher);

#endif
