/* SPDX-License-Identifier: MIT */
/* The feed, for event_feed.c and event_feed_exchange.c. */
#ifndef CW_WATCH_EVENT_FEED_INTERNAL_H
#define CW_WATCH_EVENT_FEED_INTERNAL_H

#include "base/event.h"
#include "base/fiber.h"
#include "watch/event_entry.h"
#include "watch/event_feed.h"

struct event_feed {
	struct cache *cache;
	struct log *log;
	struct event_ring *ring;
	struct fiber_group group;
	struct fiber *fiber;
	struct event_subscription *redis_state;
	struct event_watcher *watchers;
	struct event_item *pending, **pending_end;
	size_t pending_count;
	uint64_t lost; /* own events that were never stored, since the last gap about them */
	/* The entry that was read last, and its event's id; "" = none yet. */
	char last[44], last_event[EVENT_ID_BYTES + 1];
	struct event_ids ids;
	bool failed, asked, busy;
	bool stopping;
	uint64_t rounds;
	struct fiber_cond round_ended;
	int64_t next_look_at_ms, retry_at_ms;
};

/* Adds the event to the ring, once. */
void event_feed_show(struct event_feed *feed, struct event_item *item);
/* An event that only this process shows. */
void event_feed_show_gap(struct event_feed *feed, const char *reason, const char *detail);
/*
 * One batch: stores what is pending and reads what is new. *ret_more: there may be more to read.
 * Parks.
 */
enum error event_feed_exchange(struct event_feed *feed, bool *ret_more, struct fault *fault);

#endif
