/* SPDX-License-Identifier: MIT */
/*
 * Events as entries of the stream `cw:events`:
 *
 *	i <id>  e <event>  t <ms>  d <data>  [n <names>]  [l 1]
 *
 * What is read may be of another version, or written by hand: what is not
 * whole is left out.
 */
#ifndef CW_WATCH_EVENT_ENTRY_H
#define CW_WATCH_EVENT_ENTRY_H

#include "redis/batch.h"
#include "watch/event_ring.h"

/* Adds the XADD that stores `item` in a stream of about `most` entries. */
void event_entry_add(
	const struct event_item *item, struct slice key, uint64_t most, struct redis_batch *batch);
/* From one element of the reply to XRANGE; NULL if it is not an event. The caller's reference. */
struct event_item *event_entry_read(const struct redis_value *entry);
/* The id of the entry in the stream; empty if it has none. */
struct slice event_entry_id(const struct redis_value *entry);
/* The id of its event, whatever that is; empty if it has none. */
struct slice event_entry_event(const struct redis_value *entry);

#endif
