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
#ifndef CW_WATCH_EVENT_NEWS_H
#define CW_WATCH_EVENT_NEWS_H

#include "watch/event_feed.h"

struct event_news;

/* `feed` is borrowed. */
struct event_news *event_news_new(struct cache *cache, struct event_feed *feed);
void event_news_free(struct event_news *news); /* may be NULL */

#endif
