/* SPDX-License-Identifier: MIT */
/* One exchange of the feed with Redis: own events are stored, new ones read; see event_feed.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "watch/event_feed_internal.h"

enum {
	page_entries = 256,
	stored_at_once = 64,
	stored_bytes_at_once = 1024 * 1024,
	min_length = 64, /* of the stream, however large its entries are */
};

/* One exchange with Redis. */
struct exchange {
	struct redis_batch *batch;
	struct event_item *sent[stored_at_once];
	size_t sent_count, read; /* index of the XRANGE */
	bool whole;		 /* it reads the stream from its beginning */
};

static uint64_t stream_length(const struct event_feed *feed)
{
	uint64_t held = event_ring_next(feed->ring) - event_ring_first(feed->ring);

	if (!event_ring_heavy(feed->ring))
		return EVENT_RING_ITEMS;
	return held > min_length ? held : min_length;
}

static void add_stores(struct event_feed *feed, struct exchange *x, struct slice key)
{
	for (struct event_item *at = feed->pending;
		at && x->sent_count < stored_at_once &&
		redis_batch_bytes(x->batch) < stored_bytes_at_once;
		at = at->next) {
		if (at->stored)
			continue;
		event_entry_add(at, key, stream_length(feed), x->batch);
		x->sent[x->sent_count++] = event_item_ref(at);
	}
}

static void add_read(struct event_feed *feed, struct exchange *x, struct slice key)
{
	char count[SLICE_INT_ROOM];

	x->whole = !*feed->last;
	x->read = REDIS_ADD(x->batch, SLICE("XRANGE"), key,
		x->whole ? SLICE("-") : slice_str(feed->last), SLICE("+"), SLICE("COUNT"),
		slice_of_int(count, page_entries));
}

/* OK if all were stored. */
static enum error take_stored(struct exchange *x, struct fault *fault)
{
	enum error first = OK;

	for (size_t i = 0; i < x->sent_count; i++) {
		struct fault one;
		const struct redis_value *reply = redis_batch_reply(x->batch, i);
		enum error error = reply ? redis_value_error(reply, &one) : ERR_REDIS_UNAVAILABLE;

		x->sent[i]->stored = reply && !error;
		if (error && !first) {
			first = error;
			if (reply)
				*fault = one;
		}
	}
	return first;
}

/* The own event of this id that waits to be read back; it is not pending any more. */
static struct event_item *take_pending(struct event_feed *feed, const char *id)
{
	for (struct event_item **at = &feed->pending; *at; at = &(*at)->next) {
		struct event_item *item = *at;

		if (strcmp(item->id, id) != 0)
			continue;
		*at = item->next;
		if (feed->pending_end == &item->next)
			feed->pending_end = at;
		feed->pending_count--;
		return item;
	}
	return NULL;
}

static void take_entry(struct event_feed *feed, const struct redis_value *entry)
{
	struct event_item *item = event_entry_read(entry), *own;

	if (!item)
		return;
	own = take_pending(feed, item->id);
	if (own)
		event_feed_show(feed, own);
	else if (!event_ring_find(feed->ring, slice_str(item->id)))
		event_feed_show(feed, item);
	event_item_unref(own);
	event_item_unref(item);
}

static bool is_pending(const struct event_feed *feed, const char *id)
{
	for (const struct event_item *at = feed->pending; at; at = at->next)
		if (strcmp(at->id, id) == 0)
			return true;
	return false;
}

/*
 * Of a stream that is read anew: how many of its entries precede the last one that was read before.
 * They were shown already, though the ring may have dropped them since. Own events that were shown
 * while Redis was away say nothing about those of others that precede them in the stream.
 */
static size_t known_entries(const struct event_feed *feed, const struct redis_value *entries)
{
	for (size_t i = entries->count; i > 0; i--) {
		struct event_item *item = event_entry_read(entries->items[i - 1]);
		bool known = item && event_ring_find(feed->ring, slice_str(item->id)) &&
			     !is_pending(feed, item->id);

		event_item_unref(item);
		if (known)
			return i;
	}
	return 0;
}

/* The stream does not have the entry that was read last. */
static void lose_place(struct event_feed *feed)
{
	feed->last[0] = '\0';
	event_feed_show_gap(feed, "log_lost",
		"the stream of events in Redis was emptied or trimmed, or another server has taken "
		"over: events of other daemons may be missing");
}

static bool begins_with_last(const struct event_feed *feed, const struct redis_value *entries)
{
	/* A stream that is new may have an entry with the same id. */
	return entries->count && slice_is(event_entry_id(entries->items[0]), feed->last) &&
	       slice_starts(event_entry_event(entries->items[0]), slice_str(feed->last_event));
}

static void keep_place(struct event_feed *feed, const struct redis_value *entry)
{
	struct slice id = event_entry_id(entry), event = event_entry_event(entry);

	snprintf(feed->last, sizeof feed->last, "%.*s", (int)id.n, id.p);
	snprintf(feed->last_event, sizeof feed->last_event, "%.*s",
		(int)(event.n < EVENT_ID_BYTES ? event.n : EVENT_ID_BYTES), event.p);
}

/* OK, and whether there may be more to read. */
static enum error take_entries(
	struct event_feed *feed, const struct exchange *x, bool *ret_more, struct fault *fault)
{
	const struct redis_value *reply = redis_batch_reply(x->batch, x->read);
	enum error error = reply ? redis_value_error(reply, fault) : ERR_REDIS_UNAVAILABLE;
	size_t i;

	*ret_more = false;
	if (error)
		return error;
	if (reply->type != REDIS_ARRAY)
		return fault_set(fault, ERR_REDIS_PROTOCOL, "XRANGE did not return a list");
	if (!x->whole && !begins_with_last(feed, reply)) {
		lose_place(feed);
		*ret_more = true;
		return OK;
	}
	for (i = x->whole ? known_entries(feed, reply) : 1; i < reply->count; i++)
		take_entry(feed, reply->items[i]);
	if (reply->count)
		keep_place(feed, reply->items[reply->count - 1]);
	*ret_more = reply->count == page_entries;
	return OK;
}

enum error event_feed_exchange(struct event_feed *feed, bool *ret_more, struct fault *fault)
{
	struct exchange x = {.batch = redis_batch_new()};
	struct buf key = {0};

	cache_own_key(feed->cache, "events", SLICE(""), &key);
	add_stores(feed, &x, buf_slice(&key));
	add_read(feed, &x, buf_slice(&key));
	enum error error = cache_run(feed->cache, REDIS_COMMANDS, x.batch, fault), unstored = OK;
	if (!error) {
		unstored = take_stored(&x, fault);
		error = take_entries(feed, &x, ret_more, fault);
	}
	for (size_t i = 0; i < x.sent_count; i++)
		event_item_unref(x.sent[i]);
	redis_batch_free(x.batch);
	buf_release(&key);
	return error ? error : unstored;
}
