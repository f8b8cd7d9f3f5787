/* SPDX-License-Identifier: MIT */
/*
 * The events of all daemons on one Redis; see event_feed.h.
 *
 * Special: a read begins with the entry that was read last. If that is not there any more, the
 * stream was trimmed past it, emptied, or is that of another server: then all of it is read anew,
 * behind a gap.
 */
#include "watch/event_feed.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "text/json.h"
#include "watch/event_entry.h"

enum {
	look_every_ms = 1000,
	retry_ms = 1000,
	last_store_ms = 2000,
	page_entries = 256,
	stored_at_once = 64,
	stored_bytes_at_once = 1024 * 1024,
	pending_most = 1024, /* own events that are not stored yet */
	least_length = 64,   /* of the stream, however large its entries are */
};

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
	int64_t next_look_ms, retry_at_ms;
};

static void tell(struct event_feed *feed)
{
	for (struct event_watcher *at = feed->watchers; at; at = at->next)
		at->grown(at->context);
}

static void show(struct event_feed *feed, struct event_item *item)
{
	if (item->shown)
		return;
	item->shown = true;
	event_ring_add(feed->ring, item);
}

static struct event_item *make_item(
	struct event_feed *feed, const char *event, cJSON *data, struct slice names)
{
	char id[EVENT_ID_BYTES + 1];
	int64_t now = clock_wall_ms();
	struct buf text = {0}, time = {0};

	timestamp_format(now, &time);
	cJSON_AddItemToObject(data, "name", cJSON_CreateString(feed->cache->conf->name));
	cJSON_InsertItemInArray(data, 0, cJSON_CreateString(time.p));
	data->child->string = mem_strdup("time");
	json_print(data, &text);
	cJSON_Delete(data);
	event_id_make(&feed->ids, feed->cache->instance, id);
	struct event_item *item = event_item_new(&(struct event_spec){.id = slice_str(id),
		.event = slice_str(event),
		.wall_ms = now,
		.data = buf_slice(&text),
		.names = names});
	buf_release(&text);
	buf_release(&time);
	metric_add(feed->cache->metrics, METRIC_EVENTS, event, NULL, 1);
	return item;
}

/* An event that only this process shows. */
static void show_gap(struct event_feed *feed, const char *reason, const char *detail)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "reason", reason);
	cJSON_AddNullToObject(data, "missed");
	cJSON_AddStringToObject(data, "detail", detail);
	struct event_item *item = make_item(feed, "gap", data, SLICE(""));
	show(feed, item);
	event_item_unref(item);
}

static void drop_first_pending(struct event_feed *feed)
{
	struct event_item *item = feed->pending;

	feed->pending = item->next;
	if (!feed->pending)
		feed->pending_end = &feed->pending;
	feed->pending_count--;
	event_item_unref(item);
}

static void queue(struct event_feed *feed, struct event_item *item)
{
	item->next = NULL;
	*feed->pending_end = item;
	feed->pending_end = &item->next;
	if (++feed->pending_count <= pending_most)
		return;
	show(feed, feed->pending);
	drop_first_pending(feed);
	feed->lost++;
}

void event_feed_publish(struct event_feed *feed, const char *event, cJSON *data, struct slice names)
{
	struct event_item *item = make_item(feed, event, data, names);

	queue(feed, item);
	if (feed->failed) {
		show(feed, item);
		tell(feed);
	} else {
		fiber_wake(feed->fiber);
	}
}

/* What was published before and is not stored is shown, in the order of publishing. */
static void show_pending(struct event_feed *feed)
{
	for (struct event_item *at = feed->pending; at; at = at->next)
		show(feed, at);
}

/* Tells other daemons about own events that they will never see. */
static void note_lost(struct event_feed *feed)
{
	if (!feed->lost || feed->failed)
		return;
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "reason", "not_stored");
	json_add_uint(data, "missed", feed->lost);
	cJSON_AddStringToObject(data, "detail",
		"a daemon could not store its events while Redis was away, so that others did not "
		"show them");
	feed->lost = 0;
	queue(feed, make_item(feed, "gap", data, SLICE("")));
}

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
	return held > least_length ? held : least_length;
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
		show(feed, own);
	else if (!event_ring_find(feed->ring, slice_str(item->id)))
		show(feed, item);
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
	show_gap(feed, "log_lost",
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

/* What was stored and not found again must not be lost to our own readers. */
static void show_unread(struct event_feed *feed)
{
	while (feed->pending && feed->pending->stored) {
		show(feed, feed->pending);
		drop_first_pending(feed);
	}
}

static bool anything_unstored(const struct event_feed *feed)
{
	for (const struct event_item *at = feed->pending; at; at = at->next)
		if (!at->stored)
			return true;
	return false;
}

static enum error exchange_once(struct event_feed *feed, bool *ret_more, struct fault *fault)
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

/* Redis is away, which its own log lines say. */
static bool is_away(enum error error)
{
	return error_redis(error) == ERROR_REDIS_LOST || error_redis(error) == ERROR_REDIS_AWAY;
}

static void set_failed(struct event_feed *feed, enum error error, const struct fault *fault)
{
	if (error && !feed->failed && error != ERR_CANCELLED && !is_away(error))
		log_warning(feed->log,
			"events are shown by this daemon alone until they can be stored: %s",
			fault->detail);
	feed->failed = error != OK;
	feed->retry_at_ms = error ? clock_deadline(retry_ms) : 0;
	if (error)
		show_pending(feed);
}

/* Stores what is pending and reads what is new. Parks. */
static void round_trip(struct event_feed *feed)
{
	struct fault fault = {0};
	uint64_t before = event_ring_next(feed->ring);
	bool more = true;

	feed->asked = false;
	feed->busy = true;
	enum error error = store_allow(feed->cache->store, FEATURE_EVENTS, &fault);
	while (more && !error) {
		error = exchange_once(feed, &more, &fault);
		more = more || anything_unstored(feed);
	}
	if (!error)
		show_unread(feed);
	set_failed(feed, error, &fault);
	note_lost(feed);
	feed->next_look_ms = clock_deadline(look_every_ms);
	feed->busy = false;
	feed->rounds++;
	fiber_cond_broadcast(&feed->round_ended);
	if (event_ring_next(feed->ring) != before)
		tell(feed);
}

static int64_t due_ms(const struct event_feed *feed)
{
	int64_t due = feed->watchers ? feed->next_look_ms : DEADLINE_NONE;

	if (feed->asked)
		return 0;
	if (anything_unstored(feed))
		due = 0;
	return feed->failed && due < feed->retry_at_ms ? feed->retry_at_ms : due;
}

static void feed_fiber(void *argument)
{
	struct event_feed *feed = argument;

	while (!feed->stopping) {
		int64_t due = due_ms(feed);

		if (due <= clock_mono_ms())
			round_trip(feed);
		else
			fiber_park("an event", due);
	}
	if (anything_unstored(feed))
		round_trip(feed);
}

/* Redis is back, or away. */
static void redis_changed(void *context, const void *data)
{
	struct event_feed *feed = context;

	(void)data;
	feed->retry_at_ms = 0;
	fiber_wake(feed->fiber);
}

struct event_feed *event_feed_new(struct cache *cache, struct log *log)
{
	struct event_feed *feed = mem_new(struct event_feed);

	feed->cache = cache;
	feed->log = log;
	feed->ring = event_ring_new();
	feed->pending_end = &feed->pending;
	fiber_group_init(&feed->group, "events", cache->loop);
	feed->fiber = fiber_spawn(&feed->group, "events", feed_fiber, feed);
	feed->redis_state = event_subscribe(cache->bus, EVENT_REDIS_STATE, redis_changed, feed);
	return feed;
}

void event_feed_free(struct event_feed *feed)
{
	if (!feed)
		return;
	event_unsubscribe(feed->redis_state);
	feed->stopping = true;
	fiber_wake(feed->fiber);
	fiber_cleanup_begin(last_store_ms);
	if (fiber_group_join(&feed->group, clock_deadline(last_store_ms)) != OK) {
		fiber_group_cancel(&feed->group);
		fiber_group_join(&feed->group, DEADLINE_NONE);
	}
	fiber_cleanup_end();
	while (feed->pending)
		drop_first_pending(feed);
	event_ring_free(feed->ring);
	mem_free(feed);
}

void event_feed_refresh(struct event_feed *feed, int64_t deadline)
{
	/* A round that has begun already may have read before the caller asked. */
	uint64_t until = feed->rounds + (feed->busy ? 2 : 1);
	enum error error = OK;

	feed->asked = true;
	fiber_wake(feed->fiber);
	while (!error && feed->rounds < until)
		error = fiber_cond_wait(&feed->round_ended, "other daemons' events", deadline);
}

const struct event_ring *event_feed_ring(const struct event_feed *feed)
{
	return feed->ring;
}

void event_feed_watch(struct event_feed *feed, struct event_watcher *watcher)
{
	watcher->next = feed->watchers;
	watcher->at = &feed->watchers;
	if (watcher->next)
		watcher->next->at = &watcher->next;
	feed->watchers = watcher;
	fiber_wake(feed->fiber);
}

void event_feed_unwatch(struct event_watcher *watcher)
{
	*watcher->at = watcher->next;
	if (watcher->next)
		watcher->next->at = watcher->at;
}
