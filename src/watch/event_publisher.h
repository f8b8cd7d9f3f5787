/* SPDX-License-Identifier: MIT */
/*
 * What happens in this process, as events of the feed:
 *
 *	invalidation  one that may have removed something has ended
 *	warm          a run was begun, has gone on, or has ended
 *	alert         one fires, or has ended
 *	breaker       that of Redis, or of a source, has opened or closed
 *	config        a reload took effect, or was refused
 *	pause         work was paused or resumed
 */
#ifndef CW_WATCH_EVENT_PUBLISHER_H
#define CW_WATCH_EVENT_PUBLISHER_H

#include "watch/event_feed.h"

struct event_publisher;

/* `feed` is borrowed. */
struct event_publisher *event_publisher_new(struct cache *cache, struct event_feed *feed);
void event_publisher_free(struct event_publisher *publisher); /* may be NULL */

#endif
