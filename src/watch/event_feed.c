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
#include "watch/event_feed_internal.h"

enum {
	look_every_ms = 1000,
	retry_ms = 1000,
	last_store_ms = 2000,
	max_pending = 1024, /* own events that are not stored yet */
};

static void tell(struct event_feed *feed)
{
	for (struct event_watcher *at = feed->watchers; at; at = at->next)
		at->grown(at->context);
}

void event_feed_show(struct event_feed *feed, struct event_item *item)
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

void event_feed_show_gap(struct event_feed *feed, const char *reason, const char *detail)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "reason", reason);
	cJSON_AddNullToObject(data, "missed");
	cJSON_AddStringToObject(data, "detail", detail);
	struct event_item *item = make_item(feed, "gap", data, SLICE(""));
	event_feed_show(feed, item);
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
	if (++feed->pending_count <= max_pending)
		return;
	event_feed_show(feed, feed->pending);
	drop_first_pending(feed);
	feed->lost++;
}

void event_feed_publish(struct event_feed *feed, const char *event, cJSON *data, struct slice names)
{
	struct event_item *item = make_item(feed, event, data, names);

	queue(feed, item);
	if (feed->failed) {
		event_feed_show(feed, item);
		tell(feed);
	} else {
		fiber_wake(feed->fiber);
	}
}

/* What was published before and is not stored is shown, in the order of publishing. */
static void show_pending(struct event_feed *feed)
{
	for (struct event_item *at = feed->pending; at; at = at->next)
		event_feed_show(feed, at);
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

/* What was stored and not found again must not be lost to our own readers. */
static void show_unread(struct event_feed *feed)
{
	while (feed->pending && feed->pending->stored) {
		event_feed_show(feed, feed->pending);
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

/* Redis is away, which its own log lines say. */
static bool is_away(enum error error)
{
	return error_redis(error) == ERROR_REDIS_NO_ANSWER ||
	       error_redis(error) == ERROR_REDIS_NOT_SERVING;
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
		error = event_feed_exchange(feed, &more, &fault);
		more = more || anything_unstored(feed);
	}
	if (!error)
		show_unread(feed);
	set_failed(feed, error, &fault);
	note_lost(feed);
	feed->next_look_at_ms = clock_deadline(look_every_ms);
	feed->busy = false;
	feed->rounds++;
	fiber_cond_broadcast(&feed->round_ended);
	if (event_ring_next(feed->ring) != before)
		tell(feed);
}

static int64_t due_at_ms(const struct event_feed *feed)
{
	int64_t due = feed->watchers ? feed->next_look_at_ms : DEADLINE_NONE;

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
		int64_t due = due_at_ms(feed);

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
	if (fiber_group_join(&feed->group, clock_deadline(last_store_ms)) != OK)
		fiber_group_stop(&feed->group);
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
