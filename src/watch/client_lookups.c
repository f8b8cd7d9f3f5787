/* SPDX-License-Identifier: MIT */
/* Key-miss events and windows of MONITOR; see client_lookups.h. */
#include "watch/client_lookups.h"

#include <string.h>

#include "base/mem.h"
#include "cache/cache.h"
#include "redis/feed.h"
#include "redis/monitor_line.h"

enum {
	follow_every_ms = 10000,
	window_every_ms = 60000,
	pauses = 10, /* at least so many times as long as a window */
	ready_ms = 5000,
	look_ms = 20,
};

/* Of what was counted before, at each window: an hour ago it weighs a fifth. */
static const double faded = 0.975;

/* One primary, and where its two streams are. */
struct client_feed {
	struct client_lookups *owner;
	struct redis_node *node;     /* a reference */
	struct redis_feed *misses;   /* NULL while it is off */
	struct redis_feed *commands; /* NULL outside of windows */
	/*
	 * Of a window: the names of keys that do not exist, which are looked up at its beginning
	 * and at its end. They come in both streams, at the right place.
	 */
	struct buf begin, end;
	struct heard_stream {
		bool open, ended;
	} missed, commanded;
};

struct client_lookups {
	struct cache *cache;
	struct fiber_group group;
	struct fiber_cond woken;
	struct event_subscription *reloads;
	struct client_feed **feeds;
	size_t feed_count;
	struct lookups *missed, *in_windows;
	struct lookups *window; /* of the current one; NULL = there is none */
	bool own;		/* our own lookups are in it */
	struct hot_keys hot;
	uint64_t window_lookups, windows, marks;
	int64_t window_due_ms;
	struct fault fault;
};

static const struct conf *conf_of(const struct client_lookups *c)
{
	return c->cache->conf;
}

/* Whether the key is a mark, which opens or closes the stream. */
static bool take_mark(struct client_feed *feed, struct heard_stream *stream, struct slice key)
{
	if (!feed->owner->window)
		return false;
	if (slice_equal(key, buf_slice(&feed->begin))) {
		stream->open = true;
		return true;
	}
	if (!slice_equal(key, buf_slice(&feed->end)))
		return false;
	stream->ended = stream->open;
	stream->open = false;
	fiber_cond_signal(&feed->owner->woken);
	return true;
}

static void missed(void *context, struct slice key)
{
	struct client_feed *feed = context;
	struct client_lookups *c = feed->owner;

	if (take_mark(feed, &feed->missed, key))
		return;
	lookups_add(c->missed, conf_of(c), key, 0, 1);
	/* MONITOR has it, too: looked_up() counts it as a hit. */
	if (feed->missed.open && c->window)
		lookups_add(c->window, conf_of(c), key, -1, 1);
}

static void looked_up(void *context, struct slice key)
{
	struct client_feed *feed = context;
	struct client_lookups *c = feed->owner;

	if (take_mark(feed, &feed->commanded, key) || !feed->commanded.open || !c->window)
		return;
	lookups_add(c->window, conf_of(c), key, 1, 0);
	hot_keys_add(&c->hot, key);
	if (++c->window_lookups == CLIENT_LOOKUPS_MAX)
		fiber_cond_signal(&c->woken);
}

static void commanded(void *context, struct slice text)
{
	struct client_feed *feed = context;
	struct monitor_line line;

	if (monitor_line_parse(text, &line) &&
		line.database == conf_of(feed->owner)->redis.database)
		monitor_line_lookups(&line, looked_up, feed);
}

/* Our own lookups are in events and lines, too: they are taken back. */
static void own_lookup(void *context, struct slice key, int hits, int misses)
{
	struct client_lookups *c = context;

	/* Without events all were counted as hits. */
	if (!conf_of(c)->sampling.misses) {
		hits += misses;
		misses = 0;
	}
	if (misses)
		lookups_add(c->missed, conf_of(c), key, 0, -misses);
	if (c->own && c->window)
		lookups_add(c->window, conf_of(c), key, -hits, -misses);
}

static void end_feed(struct client_feed *feed)
{
	redis_feed_free(feed->misses);
	redis_feed_free(feed->commands);
	redis_node_watch_own(feed->node, NULL, NULL);
	redis_node_unref(feed->node);
	buf_release(&feed->begin);
	buf_release(&feed->end);
	mem_free(feed);
}

static void end_feeds(struct client_lookups *c)
{
	for (size_t i = 0; i < c->feed_count; i++)
		if (c->feeds[i])
			end_feed(c->feeds[i]);
	mem_free(c->feeds);
	c->feeds = NULL;
	c->feed_count = 0;
}

/* What there is of a primary moves over to the next list. */
static struct client_feed *take_feed(struct client_lookups *c, struct redis_node *node)
{
	for (size_t i = 0; i < c->feed_count; i++) {
		struct client_feed *feed = c->feeds[i];

		if (feed && feed->node == node) {
			c->feeds[i] = NULL;
			return feed;
		}
	}
	struct client_feed *feed = mem_new(struct client_feed);

	feed->owner = c;
	feed->node = redis_node_ref(node);
	return feed;
}

static void follow_primaries(struct client_lookups *c)
{
	bool misses = conf_of(c)->sampling.misses;
	struct redis_node *const *nodes;
	size_t count = store_primaries(c->cache->store, &nodes);
	struct client_feed **feeds = mem_array(count, sizeof(struct client_feed *));

	for (size_t i = 0; i < count; i++) {
		struct client_feed *feed = take_feed(c, nodes[i]);

		feeds[i] = feed;
		if (!misses) {
			redis_feed_free(feed->misses);
			feed->misses = NULL;
		} else if (!feed->misses) {
			feed->misses = redis_feed_new(feed->node, REDIS_FEED_MISSES, missed, feed);
		}
	}
	end_feeds(c);
	c->feeds = feeds;
	c->feed_count = count;
	for (size_t i = 0; i < count; i++)
		redis_node_watch_own(feeds[i]->node, own_lookup, c);
}

/* Whether all of them listen; the fault says which does not. */
static bool all_ready(const struct client_lookups *c, bool commands, struct fault *fault)
{
	for (size_t i = 0; i < c->feed_count; i++) {
		const struct redis_feed *feed =
			commands ? c->feeds[i]->commands : c->feeds[i]->misses;

		if (feed && redis_feed_ready(feed))
			continue;
		if (feed && redis_feed_fault(feed)->error)
			*fault = *redis_feed_fault(feed);
		else
			fault_set(fault, ERR_REDIS_UNAVAILABLE, "no connection listens to %s yet",
				redis_node_name(c->feeds[i]->node));
		return false;
	}
	return true;
}

/* Waits until they do; after a while they count as failed. Parks. */
static enum error await_ready(struct client_lookups *c, bool commands, bool *ret_ready)
{
	int64_t deadline = clock_deadline(ready_ms);
	struct fault fault;
	enum error error = OK;

	while (!(*ret_ready = all_ready(c, commands, &fault)) && clock_mono_ms() < deadline &&
		!error)
		error = fiber_sleep(look_ms);
	if (!*ret_ready)
		c->fault = fault;
	return error;
}

/* Redis must have been told to tell misses. Where CONFIG is denied that is not known. Parks. */
static void check_notifications(
	struct client_lookups *c, struct redis_node *node, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	const struct redis_value *reply = NULL;

	REDIS_ADD(batch, SLICE("CONFIG"), SLICE("GET"), SLICE("notify-keyspace-events"));
	if (redis_node_run(node, REDIS_COMMANDS, batch, cache_deadline(c->cache), NULL) == OK)
		reply = redis_batch_reply(batch, 0);
	if (reply && reply->type == REDIS_ARRAY && reply->count == 2) {
		struct slice flags = redis_value_item(reply, 1);

		if (!flags.n || !memchr(flags.p, 'E', flags.n) || !memchr(flags.p, 'm', flags.n))
			fault_set(fault, ERR_NOT_SUPPORTED,
				"%s tells no misses: its notify-keyspace-events is '%.*s' and "
				"needs "
				"E and m",
				redis_node_name(node), (int)flags.n, flags.p);
	}
	redis_batch_free(batch);
}

/* A name whose slot belongs to the node. */
static void name_mark(struct client_lookups *c, const struct client_feed *feed, struct buf *ret)
{
	for (unsigned tag = 0; tag < SLOT_COUNT; tag++) {
		buf_clear(ret);
		cache_own_key(c->cache, "mark:{", slice_of(NULL, 0), ret);
		buf_uint(ret, tag);
		buf_printf(ret, "}:%s:%llu", c->cache->instance, (unsigned long long)c->marks);
		if (store_node(c->cache->store, buf_slice(ret)) == feed->node)
			break;
	}
	c->marks++;
}

/* Looks a name up on each primary, so that all its streams have it. Parks. */
static enum error mark(struct client_lookups *c, bool end)
{
	struct redis_batch *batch = redis_batch_new();
	enum error error = OK;

	for (size_t i = 0; i < c->feed_count && !error; i++) {
		struct client_feed *feed = c->feeds[i];
		struct buf *name = end ? &feed->end : &feed->begin;

		name_mark(c, feed, name);
		redis_batch_clear(batch);
		REDIS_ADD(batch, SLICE("GET"), buf_slice(name));
		error = redis_node_run(
			feed->node, REDIS_COMMANDS, batch, cache_deadline(c->cache), &c->fault);
	}
	redis_batch_free(batch);
	return error;
}

static void begin_window(struct client_lookups *c)
{
	hot_keys_fade(&c->hot, faded);
	c->window = lookups_new();
	c->window_lookups = 0;
	for (size_t i = 0; i < c->feed_count; i++)
		c->feeds[i]->missed = c->feeds[i]->commanded = (struct heard_stream){0};
}

/* Whether all streams have come to the end. */
static bool all_ended(const struct client_lookups *c)
{
	for (size_t i = 0; i < c->feed_count; i++) {
		const struct client_feed *feed = c->feeds[i];

		if (!feed->commanded.ended || (feed->misses && !feed->missed.ended))
			return false;
	}
	return true;
}

/* The window counts if all of its streams are whole. */
static void end_window(struct client_lookups *c)
{
	c->own = false;
	if (all_ended(c)) {
		lookups_fade(c->in_windows, faded);
		lookups_merge(c->in_windows, c->window);
		c->windows++;
	} else if (!c->fault.error) {
		fault_set(&c->fault, ERR_REDIS_UNAVAILABLE,
			"a connection that listens to Redis was lost, or fell behind");
	}
	lookups_free(c->window);
	c->window = NULL;
}

static enum error measure(struct client_lookups *c)
{
	int64_t end = clock_deadline(conf_of(c)->sampling.monitor_ms);
	enum error error = mark(c, false);

	c->own = true;
	while (!error && c->window_lookups < CLIENT_LOOKUPS_MAX)
		error = fiber_cond_wait(&c->woken, "the end of the window", end);
	if (error && error != ERR_TIMEOUT)
		return error;
	error = mark(c, true);
	c->own = false;
	end = clock_deadline(ready_ms);
	while (!error && !all_ended(c))
		error = fiber_cond_wait(&c->woken, "what was heard until then", end);
	return error;
}

/* A window over all primaries. Parks. */
static enum error run_window(struct client_lookups *c)
{
	bool ready;

	for (size_t i = 0; i < c->feed_count; i++)
		c->feeds[i]->commands = redis_feed_new(
			c->feeds[i]->node, REDIS_FEED_COMMANDS, commanded, c->feeds[i]);
	enum error error = await_ready(c, true, &ready);

	if (!error && ready) {
		begin_window(c);
		error = measure(c);
		end_window(c);
	}
	for (size_t i = 0; i < c->feed_count; i++) {
		redis_feed_free(c->feeds[i]->commands);
		c->feeds[i]->commands = NULL;
	}
	return error == ERR_CANCELLED ? error : OK;
}

/* Everything that is on. Parks. */
static enum error look(struct client_lookups *c)
{
	const struct conf_sampling *sampling = &conf_of(c)->sampling;
	enum error error = OK;
	struct fault fault = {0};
	bool may = true;

	follow_primaries(c);
	if (sampling->misses)
		error = await_ready(c, false, &may);
	for (size_t i = 0; sampling->misses && may && i < c->feed_count && !error; i++)
		check_notifications(c, c->feeds[i]->node, &fault);
	/* What was wrong before may be right now. */
	if (may)
		c->fault = fault;
	if (!error && may && sampling->monitor_ms > 0 && clock_mono_ms() >= c->window_due_ms) {
		int64_t least = pauses * sampling->monitor_ms;

		c->window_due_ms =
			clock_mono_ms() + (least > window_every_ms ? least : window_every_ms);
		error = run_window(c);
	}
	return error;
}

static bool is_on(const struct client_lookups *c)
{
	return conf_of(c)->sampling.misses || conf_of(c)->sampling.monitor_ms > 0;
}

static void lookups_fiber(void *argument)
{
	struct client_lookups *c = argument;
	enum error error = OK;

	while (error == OK || error == ERR_TIMEOUT) {
		if (is_on(c))
			error = look(c);
		else
			end_feeds(c);
		if (error == OK)
			error = fiber_cond_wait(&c->woken, "the next look at clients' lookups",
				is_on(c) ? clock_deadline(follow_every_ms) : DEADLINE_NONE);
	}
}

static void reloaded(void *context, const void *data)
{
	struct client_lookups *c = context;

	(void)data;
	fiber_cond_signal(&c->woken);
}

struct client_lookups *client_lookups_new(struct cache *cache)
{
	struct client_lookups *c = mem_new(struct client_lookups);

	c->cache = cache;
	c->missed = lookups_new();
	c->in_windows = lookups_new();
	fiber_group_init(&c->group, "clients' lookups", cache->loop);
	c->reloads = event_subscribe(cache->bus, EVENT_CONFIG, reloaded, c);
	fiber_spawn(&c->group, "clients' lookups", lookups_fiber, c);
	return c;
}

struct client_lookups_view client_lookups_view(const struct client_lookups *c)
{
	return (struct client_lookups_view){
		.misses = conf_of(c)->sampling.misses,
		.monitor = conf_of(c)->sampling.monitor_ms > 0,
		.reason = c->fault.error ? c->fault.detail : NULL,
		.windows = c->windows,
		.missed = c->missed,
		.in_windows = c->in_windows,
		.hot = &c->hot,
	};
}

void client_lookups_free(struct client_lookups *c)
{
	if (!c)
		return;
	event_unsubscribe(c->reloads);
	fiber_group_stop(&c->group);
	end_feeds(c);
	lookups_free(c->missed);
	lookups_free(c->in_windows);
	hot_keys_release(&c->hot);
	mem_free(c);
}
