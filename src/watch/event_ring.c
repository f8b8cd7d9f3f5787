/* SPDX-License-Identifier: MIT */
/* The last events; see event_ring.h. */
#include "watch/event_ring.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct event_ring {
	struct event_item *items[EVENT_RING_ITEMS]; /* by place */
	struct event_item *by_id;
	uint64_t first, next;
	size_t bytes;
	bool heavy;
	char dropped[EVENT_ID_BYTES + 1];
};

static void copy(struct slice text, char *ret)
{
	memcpy(ret, text.p, text.n);
	ret[text.n] = '\0';
}

static char *put(char *at, struct slice text)
{
	memcpy(at, text.p, text.n);
	return at + text.n;
}

struct event_item *event_item_new(const struct event_spec *spec)
{
	const struct slice parts[] = {SLICE("id: "), spec->id, SLICE("\nevent: "), spec->event,
		SLICE("\ndata: "), spec->data, SLICE("\n\n")};
	size_t count = sizeof parts / sizeof *parts, n = 0;

	for (size_t i = 0; i < count; i++)
		n += parts[i].n;
	struct event_item *item = mem_alloc(sizeof *item + n + spec->names.n);
	*item = (struct event_item){.references = 1, .wall_ms = spec->wall_ms, .late = spec->late};
	copy(spec->id, item->id);
	copy(spec->event, item->event);
	char *at = item->bytes;
	for (size_t i = 0; i < count; i++)
		at = put(at, parts[i]);
	item->text = slice_of(item->bytes, n);
	item->data = slice_of(at - spec->data.n - 2, spec->data.n);
	item->names = slice_of(at, spec->names.n);
	if (spec->names.n)
		put(at, spec->names);
	return item;
}

struct event_item *event_item_ref(struct event_item *item)
{
	item->references++;
	return item;
}

void event_item_unref(struct event_item *item)
{
	if (item && --item->references == 0)
		mem_free(item);
}

void event_id_make(struct event_ids *ids, const char *instance, char ret[EVENT_ID_BYTES + 1])
{
	int64_t now = clock_wall_ms();

	ids->n = now > ids->ms ? 0 : ids->n + 1;
	if (now > ids->ms)
		ids->ms = now;
	snprintf(ret, EVENT_ID_BYTES + 1, "%s:%" PRId64 "-%" PRIu64, instance, ids->ms, ids->n);
}

static size_t digits(struct slice text, const char *which)
{
	size_t n = 0;

	while (n < text.n && text.p[n] && strchr(which, text.p[n]))
		n++;
	return n;
}

bool event_id_is(struct slice text)
{
	enum { instance = 16, max_digits = 20 };

	if (text.n > EVENT_ID_BYTES || digits(text, "0123456789abcdef") != instance)
		return false;
	text = slice_skip(text, instance);
	for (const char *mark = ":-"; *mark; mark++) {
		if (text.n == 0 || text.p[0] != *mark)
			return false;
		text = slice_skip(text, 1);
		size_t n = digits(text, "0123456789");
		if (n == 0 || n > max_digits)
			return false;
		text = slice_skip(text, n);
	}
	return text.n == 0;
}

struct event_ring *event_ring_new(void)
{
	return mem_new(struct event_ring);
}

static size_t weight(const struct event_item *item)
{
	return sizeof *item + item->text.n + item->names.n;
}

static void drop_oldest(struct event_ring *ring)
{
	struct event_item *item = ring->items[ring->first % EVENT_RING_ITEMS];

	ring->items[ring->first % EVENT_RING_ITEMS] = NULL;
	ring->first++;
	ring->bytes -= weight(item);
	memcpy(ring->dropped, item->id, sizeof ring->dropped);
	HASH_DEL(ring->by_id, item);
	event_item_unref(item);
}

void event_ring_free(struct event_ring *ring)
{
	if (!ring)
		return;
	while (ring->first < ring->next)
		drop_oldest(ring);
	mem_free(ring);
}

void event_ring_add(struct event_ring *ring, struct event_item *item)
{
	if (ring->next - ring->first == EVENT_RING_ITEMS) {
		ring->heavy = false;
		drop_oldest(ring);
	}
	item->place = ring->next++;
	ring->items[item->place % EVENT_RING_ITEMS] = event_item_ref(item);
	HASH_ADD_STR(ring->by_id, id, item);
	ring->bytes += weight(item);
	while (ring->bytes > EVENT_RING_BYTES && ring->next - ring->first > 1) {
		ring->heavy = true;
		drop_oldest(ring);
	}
}

struct event_item *event_ring_find(const struct event_ring *ring, struct slice id)
{
	struct event_item *found = NULL;

	if (id.n && id.n <= EVENT_ID_BYTES)
		HASH_FIND(hh, ring->by_id, id.p, id.n, found);
	return found;
}

struct event_item *event_ring_at(const struct event_ring *ring, uint64_t place)
{
	return place >= ring->first && place < ring->next ? ring->items[place % EVENT_RING_ITEMS]
							  : NULL;
}

uint64_t event_ring_first(const struct event_ring *ring)
{
	return ring->first;
}

uint64_t event_ring_next(const struct event_ring *ring)
{
	return ring->next;
}

const char *event_ring_dropped(const struct event_ring *ring)
{
	return ring->dropped;
}

bool event_ring_heavy(const struct event_ring *ring)
{
	return ring->heavy;
}
