/* SPDX-License-Identifier: MIT */
/*
 * GET /events: what happens, as Server-Sent Events, or pages of the past as JSON.
 *
 *	the feed's ring -> each listener's place in it -> its stream, as fast as its client reads
 *
 * A listener keeps no queue: one that reads more slowly than events come loses its place in the
 * ring, and is told by an event `gap`.
 */
#include <inttypes.h>
#include <string.h>

#include "api/answer.h"
#include "api/event_text.h"
#include "api/handlers.h"
#include "api/list_query.h"
#include "base/mem.h"
#include "base/timeslice.h"
#include "base/timestamp.h"
#include "http/stream.h"
#include "text/field.h"
#include "text/json.h"

enum { refresh_ms = 3000, page_bytes = 4 * 1024 * 1024 };

struct event_listener {
	const struct event_ring *ring;
	struct app *app;
	struct stream *stream;
	struct event_watcher watcher;
	uint64_t place; /* of the event that it reads next */
	bool detail;
	struct event_item *item; /* that `rest` belongs to; NULL = it is in `own` */
	struct slice rest;	 /* of the text that is being sent */
	struct buf own;
};

/* Why a listener may have missed events: X(NAME, "name", "what to do"). */
#define GAP_TABLE(X) \
	X(UNKNOWN_ID, "unknown_id", \
		"the event of Last-Event-ID is not known here any more: what is still known " \
		"follows") \
	X(ANOTHER_ORDER, "another_order", \
		"the event of Last-Event-ID was shown in another order by another daemon") \
	X(TOO_SLOW, "too_slow", "events came faster than this client has read them")

enum gap {
#define X(name, text, detail) GAP_##name,
	GAP_TABLE(X)
#undef X
};

/* Appends the event `gap`; `missed` below 0: it is not known how many. */
static void add_gap(struct event_listener *listener, enum gap gap, int64_t missed)
{
	static const struct {
		const char *reason, *detail;
	} gaps[] = {
#define X(name, text, detail) {text, detail},
		GAP_TABLE(X)
#undef X
	};
	const char *before = event_ring_dropped(listener->ring);
	struct buf *out = &listener->own, time = {0};

	timestamp_format(clock_wall_ms(), &time);
	if (*before)
		buf_printf(out, "id: %s\n", before);
	else
		buf_printf(out, "id: %s:0-0\n", listener->app->engine.cache.instance);
	buf_printf(out, "event: gap\ndata: {\"time\":\"%s\",\"reason\":\"%s\",\"missed\":", time.p,
		gaps[gap].reason);
	if (missed < 0)
		buf_str(out, "null");
	else
		buf_int(out, missed);
	buf_str(out, ",\"detail\":");
	json_quote(out, slice_str(gaps[gap].detail));
	buf_str(out, ",\"name\":");
	json_quote(out, slice_str(listener->app->engine.cache.conf->name));
	buf_str(out, "}\n\n");
	buf_release(&time);
	metric_add(listener->app->metrics, METRIC_EVENT_GAPS, NULL, NULL, 1);
}

static void add_item(struct event_listener *listener, const struct event_item *item)
{
	const struct event_view view = {.who = stream_identity(listener->stream),
		.conf = stream_conf(listener->stream),
		.detail = listener->detail};
	struct buf *out = &listener->own;

	if (event_text_is_plain(item, &view)) {
		listener->item = event_item_ref((struct event_item *)item);
		listener->rest = item->text;
		return;
	}
	buf_printf(out, "id: %s\nevent: %s\ndata: ", item->id, item->event);
	event_text_data(item, &view, out);
	buf_str(out, "\n\n");
	listener->rest = buf_slice(out);
}

/* The text of the next event becomes `rest`; false if there is none. */
static bool take_next(struct event_listener *listener)
{
	uint64_t first = event_ring_first(listener->ring);

	event_item_unref(listener->item);
	listener->item = NULL;
	/* What a long event has taken is given back. */
	buf_release(&listener->own);
	if (listener->place < first) {
		add_gap(listener, GAP_TOO_SLOW, (int64_t)(first - listener->place));
		listener->place = first;
		listener->rest = buf_slice(&listener->own);
		return true;
	}
	const struct event_item *item = event_ring_at(listener->ring, listener->place);

	if (!item)
		return false;
	listener->place++;
	add_item(listener, item);
	return true;
}

static size_t listener_read(void *context, char *to, size_t room)
{
	struct event_listener *listener = context;
	size_t done = 0;

	while (done < room) {
		size_t n = listener->rest.n < room - done ? listener->rest.n : room - done;

		if (n == 0 && !take_next(listener))
			break;
		if (n)
			memcpy(to + done, listener->rest.p, n);
		listener->rest = slice_skip(listener->rest, n);
		done += n;
	}
	return done;
}

static void listener_ended(void *context)
{
	struct event_listener *listener = context;

	event_feed_unwatch(&listener->watcher);
	event_item_unref(listener->item);
	buf_release(&listener->own);
	mem_free(listener);
}

static void ring_grew(void *context)
{
	struct event_listener *listener = context;

	stream_wake(listener->stream);
}

/* Where a client that has read up to the event `last` goes on. */
static void find_place(struct event_listener *listener, struct slice last)
{
	const struct event_item *item = event_ring_find(listener->ring, last);
	struct slice own = slice_str(listener->app->engine.cache.instance);

	if (!item) {
		listener->place = event_ring_first(listener->ring);
		add_gap(listener, GAP_UNKNOWN_ID, -1);
		return;
	}
	listener->place = item->place + 1;
	if (item->late && !slice_starts(slice_str(item->id), own))
		add_gap(listener, GAP_ANOTHER_ORDER, -1);
}

static void begin_stream(struct request *request, struct app *app, bool detail)
{
	struct event_listener *listener = mem_new(struct event_listener);
	struct slice last;

	listener->app = app;
	listener->ring = event_feed_ring(app->events);
	listener->detail = detail;
	listener->watcher = (struct event_watcher){.grown = ring_grew, .context = listener};
	listener->place = event_ring_next(listener->ring);
	buf_str(&listener->own, "retry: 2000\n\n");
	if (request_header(request, "Last-Event-ID", &last) && last.n)
		find_place(listener, last);
	listener->rest = buf_slice(&listener->own);
	event_feed_watch(app->events, &listener->watcher);
	reply_header(request, "X-Accel-Buffering", "no");
	listener->stream = stream_reply(request, "text/event-stream",
		&(struct stream_source){.read = listener_read,
			.ended = listener_ended,
			.context = listener,
			.idle = ": keep-alive\n\n"});
}

/* What a page shows of the past. */
struct page_query {
	struct list_query list;
	struct slice event;
};

static bool is_by(const struct event_item *item, struct slice by)
{
	struct json_value who;
	struct buf name = {0};

	if (!json_member(json_root(item->data), SLICE("by"), &who) || who.type != JSON_STRING)
		return false;
	json_decode_string(who, &name);
	bool found = slice_equal(by, buf_slice(&name));
	buf_release(&name);
	return found;
}

static bool fits(const struct event_item *item, const struct page_query *query)
{
	const struct list_query *list = &query->list;

	return (list->since_wall_ms < 0 || item->wall_ms >= list->since_wall_ms) &&
	       (list->until_wall_ms < 0 || item->wall_ms <= list->until_wall_ms) &&
	       (query->event.n == 0 || slice_is(query->event, item->event)) &&
	       (list->by.n == 0 || is_by(item, list->by));
}

static void add_page_item(
	const struct event_item *item, const struct event_view *view, struct buf *out)
{
	buf_str(out, out->n ? ",{\"id\":" : "{\"id\":");
	json_quote(out, slice_str(item->id));
	buf_str(out, ",\"event\":");
	json_quote(out, slice_str(item->event));
	buf_str(out, ",\"data\":");
	event_text_data(item, view, out);
	buf_char(out, '}');
}

static enum error read_page_query(
	struct request *request, struct page_query *query, struct fault *fault)
{
	enum error error = list_query(request, &query->list, fault);

	query->event = SLICE("");
	return error ? error : list_query_text(request, "event", &query->event, fault);
}

/* Where a page begins: behind the newest event, or the one of the cursor. */
static enum error find_page(const struct event_ring *ring, const struct page_query *query,
	uint64_t *ret_place, struct fault *fault)
{
	const struct event_item *item;

	*ret_place = event_ring_next(ring);
	if (query->list.cursor.n == 0)
		return OK;
	item = event_ring_find(ring, query->list.cursor);
	if (!item)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"the event of the cursor is not known any more: begin again without a "
			"cursor");
	*ret_place = item->place;
	return OK;
}

/* Appends a page's items, newest first. *ret_last: the last event that was looked at, if older ones
 * may follow. Parks. */
static void add_page(const struct event_ring *ring, uint64_t place, const struct page_query *query,
	const struct event_view *view, struct buf *out, char ret_last[EVENT_ID_BYTES + 1])
{
	struct timeslice timeslice = {0};
	int64_t count = 0;

	ret_last[0] = '\0';
	while (count < query->list.limit && out->n < page_bytes) {
		const struct event_item *item = place ? event_ring_at(ring, --place) : NULL;

		if (!item) {
			ret_last[0] = '\0';
			return;
		}
		if (fits(item, query)) {
			add_page_item(item, view, out);
			count++;
		}
		memcpy(ret_last, item->id, sizeof item->id);
		if (timeslice_spend(&timeslice, view->who->key_prefix_count ? 32 : 4))
			break;
	}
	if (place <= event_ring_first(ring))
		ret_last[0] = '\0';
}

static void reply_page(struct request *request, struct app *app, bool detail)
{
	const struct event_ring *ring = event_feed_ring(app->events);
	const struct event_view view = {
		.who = request_identity(request), .conf = request_conf(request), .detail = detail};
	char last[EVENT_ID_BYTES + 1];
	struct page_query query;
	struct buf items = {0};
	struct fault fault;
	uint64_t place = 0;

	enum error error = read_page_query(request, &query, &fault);
	if (!error)
		error = find_page(ring, &query, &place, &fault);
	if (error) {
		reply_fault(request, &fault);
		return;
	}
	add_page(ring, place, &query, &view, &items, last);
	answer_page(request, &items, slice_str(last));
	buf_release(&items);
}

/* Whether one of the media types of an Accept header's line is `type`. */
static bool names_type(struct slice line, struct slice type)
{
	while (line.n) {
		const char *comma = memchr(line.p, ',', line.n);
		struct slice one = slice_of(line.p, comma ? (size_t)(comma - line.p) : line.n);
		const char *semicolon = memchr(one.p, ';', one.n);

		line = slice_skip(line, one.n + (comma ? 1 : 0));
		if (semicolon)
			one.n = (size_t)(semicolon - one.p);
		while (one.n && one.p[0] == ' ')
			one = slice_skip(one, 1);
		while (one.n && one.p[one.n - 1] == ' ')
			one.n--;
		if (field_equal(one, type))
			return true;
	}
	return false;
}

static bool wants_json(const struct request *request)
{
	struct slice line;
	size_t at = 0;
	bool json = false;

	while (request_header_line(request, "Accept", &at, &line)) {
		if (names_type(line, SLICE("text/event-stream")))
			return false;
		json = json || names_type(line, SLICE("application/json"));
	}
	return json;
}

/* Those of pages are refused where they would have no effect. */
static enum error check_stream_query(const struct request *request, struct fault *fault)
{
	static const char *const names[] = {"since", "until", "by", "event", "limit", "cursor"};
	struct slice value;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (request_query(request, names[i], &value))
			return fault_set(fault, ERR_BAD_PARAMETER,
				"the parameter %s is for pages of the past: send Accept: "
				"application/json",
				names[i]);
	return OK;
}

static enum error check_room(const struct app *app, struct fault *fault)
{
	int64_t most = app->engine.cache.conf->events.listeners;

	if ((int64_t)stream_count(app->http) < most)
		return OK;
	return fault_set(fault, ERR_OVERLOADED,
		"%lld streams of events are open already (events.listeners): try again later",
		(long long)most);
}

static enum error check_detail(struct request *request, bool *ret, struct fault *fault)
{
	enum error error = request_query_bool(request, "detail", ret, fault);

	if (error || !*ret || scope_granted(request_identity(request), SCOPE_KEYS))
		return error;
	reply_scope_missing(request, SCOPE_KEYS);
	return fault_set(fault, ERR_FORBIDDEN, "detail=true also needs the scope keys");
}

void api_events(struct request *request, void *context)
{
	struct app *app = context;
	bool detail = false, json = wants_json(request);
	struct fault fault;
	enum error error = check_detail(request, &detail, &fault);

	if (!error && !json)
		error = check_stream_query(request, &fault);
	if (!error && !json && app->phase == APP_STOPPING)
		error = fault_set(&fault, ERR_STOPPING, "the daemon is stopping; try again later");
	if (!error)
		event_feed_refresh(app->events, clock_deadline(refresh_ms));
	/* Others may have begun meanwhile. */
	if (!error && !json)
		error = check_room(app, &fault);
	if (error)
		reply_fault(request, &fault);
	else if (json)
		reply_page(request, app, detail);
	else if (request_is_head(request))
		reply_bytes(request, 200, "text/event-stream", SLICE(""));
	else
		begin_stream(request, app, detail);
}
