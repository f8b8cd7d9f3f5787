/* SPDX-License-Identifier: MIT */
/*
 * The last events, in the order in which this process shows them.
 *
 *	id = <instance>:<ms>-<n>: the process that published the event, its wall clock, which never
 *	goes back here, and a number that tells events of one millisecond apart
 *
 * Each event has a place: 0, 1, 2, ... in the order of showing. A reader keeps the place that it
 * reads next; what the ring has dropped meanwhile it has missed.
 */
#ifndef CW_WATCH_EVENT_RING_H
#define CW_WATCH_EVENT_RING_H

#include <uthash.h>

#include "base/buf.h"

enum {
	EVENT_RING_ITEMS = 4096,
	EVENT_RING_BYTES = 8 * 1024 * 1024,
	EVENT_ID_BYTES = 60,
	EVENT_NAME_BYTES = 23,
	EVENT_DATA_BYTES = 16 * 1024,  /* at most, of `data` */
	EVENT_NAMES_BYTES = 64 * 1024, /* and of `names` */
};

/* Shared: each holder has a reference. */
struct event_item {
	unsigned references;
	char id[EVENT_ID_BYTES + 1];
	char event[EVENT_NAME_BYTES + 1]; /* "invalidation", "warm", ... */
	int64_t wall_ms;		  /* when it was published, by its publisher's clock */
	/*
	 * It was shown by its publisher before it was stored, so other processes show it in
	 * another order.
	 */
	bool late;
	struct slice text;  /* as Server-Sent Events have it: id, event, data, an empty line */
	struct slice data;  /* within it: one JSON object */
	struct slice names; /* of an invalidation: {"keys":[...],...}; empty = not recorded */
	/* The ring's. */
	uint64_t place;
	UT_hash_handle hh;
	/* The feed's. */
	struct event_item *next;
	bool shown, stored;
	char bytes[];
};

struct event_spec {
	struct slice id, event; /* within the bounds above */
	int64_t wall_ms;
	struct slice data, names;
	bool late;
};

/* The caller has its reference. */
struct event_item *event_item_new(const struct event_spec *spec);
struct event_item *event_item_ref(struct event_item *item);
void event_item_unref(struct event_item *item); /* may be NULL */
/* What ids go on from; zeroed at first. */
struct event_ids {
	int64_t ms;
	uint64_t n;
};
/* The next id of this process; ids ascend even if the wall clock goes back. */
void event_id_make(struct event_ids *ids, const char *instance, char ret[EVENT_ID_BYTES + 1]);
/* Whether a text has the form of an event's id. */
bool event_id_is(struct slice text);

struct event_ring;

struct event_ring *event_ring_new(void);
void event_ring_free(struct event_ring *ring); /* may be NULL */
/* Adds one with a new id as the last, and drops the oldest beyond the bounds. Takes a reference. */
void event_ring_add(struct event_ring *ring, struct event_item *item);
/* NULL if the ring does not have it. Borrowed. */
struct event_item *event_ring_find(const struct event_ring *ring, struct slice id);
/* NULL if the place is not there, or not any more. Borrowed. */
struct event_item *event_ring_at(const struct event_ring *ring, uint64_t place);
/* The places of the oldest event, and of the next that will be added. */
uint64_t event_ring_first(const struct event_ring *ring);
uint64_t event_ring_next(const struct event_ring *ring);
/* The id of the event that was dropped last; "" = none. */
const char *event_ring_dropped(const struct event_ring *ring);
/* Whether events were dropped for their bytes, so that it has fewer than EVENT_RING_ITEMS. */
bool event_ring_heavy(const struct event_ring *ring);

#endif
