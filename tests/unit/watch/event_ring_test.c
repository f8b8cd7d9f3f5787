/* SPDX-License-Identifier: MIT */
#include "watch/event_ring.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/mem.h"

#define INSTANCE "0123456789abcdef"

static struct event_item *make(unsigned n, struct slice names)
{
	char id[EVENT_ID_BYTES + 1];

	snprintf(id, sizeof id, INSTANCE ":%u-0", n);
	return event_item_new(&(struct event_spec){.id = slice_str(id),
		.event = SLICE("pause"),
		.wall_ms = n,
		.data = SLICE("{\"a\":1}"),
		.names = names});
}

static void add(struct event_ring *ring, unsigned n, struct slice names)
{
	struct event_item *item = make(n, names);

	event_ring_add(ring, item);
	event_item_unref(item);
}

START_TEST(an_item_is_text_of_server_sent_events)
{
	struct event_item *item = make(7, SLICE("{\"keys\":[]}"));

	ck_assert(slice_is(item->text, "id: " INSTANCE ":7-0\nevent: pause\ndata: {\"a\":1}\n\n"));
	ck_assert(slice_is(item->data, "{\"a\":1}"));
	ck_assert(slice_is(item->names, "{\"keys\":[]}"));
	ck_assert_str_eq(item->id, INSTANCE ":7-0");
	ck_assert_str_eq(item->event, "pause");
	ck_assert(!item->late);
	event_item_unref(item);
	event_item_unref(NULL);
}
END_TEST

START_TEST(places_stay_while_old_items_go)
{
	struct event_ring *ring = event_ring_new();

	ck_assert_ptr_null(event_ring_at(ring, 0));
	ck_assert_str_eq(event_ring_dropped(ring), "");
	for (unsigned i = 0; i < EVENT_RING_ITEMS; i++)
		add(ring, i, SLICE(""));
	ck_assert_uint_eq(event_ring_first(ring), 0);
	ck_assert_uint_eq(event_ring_next(ring), EVENT_RING_ITEMS);
	struct event_item *kept = event_item_ref(event_ring_at(ring, 0));
	add(ring, EVENT_RING_ITEMS, SLICE(""));
	ck_assert_uint_eq(event_ring_first(ring), 1);
	ck_assert_ptr_null(event_ring_at(ring, 0));
	ck_assert_ptr_null(event_ring_find(ring, SLICE(INSTANCE ":0-0")));
	ck_assert_str_eq(event_ring_dropped(ring), INSTANCE ":0-0");
	/* A reader that was sending it still has it. */
	ck_assert_str_eq(kept->id, INSTANCE ":0-0");
	event_item_unref(kept);
	ck_assert_uint_eq(event_ring_find(ring, SLICE(INSTANCE ":1-0"))->place, 1);
	ck_assert_int_eq(event_ring_at(ring, EVENT_RING_ITEMS)->wall_ms, EVENT_RING_ITEMS);
	ck_assert_ptr_null(event_ring_at(ring, EVENT_RING_ITEMS + 1));
	ck_assert(!event_ring_heavy(ring));
	event_ring_free(ring);
	event_ring_free(NULL);
}
END_TEST

START_TEST(large_items_are_fewer)
{
	struct event_ring *ring = event_ring_new();
	char *names = mem_zalloc(EVENT_NAMES_BYTES);
	unsigned n = 2 * EVENT_RING_BYTES / EVENT_NAMES_BYTES;

	for (unsigned i = 0; i < n; i++)
		add(ring, i, slice_of(names, EVENT_NAMES_BYTES));
	uint64_t held = event_ring_next(ring) - event_ring_first(ring);
	ck_assert_uint_lt(held, n / 2 + 1);
	ck_assert_uint_ge(held, n / 2 - 2);
	ck_assert(event_ring_heavy(ring));
	/* Small ones push the large ones out, and then it holds as many as it can. */
	for (unsigned i = n; i < n + EVENT_RING_ITEMS + 1; i++)
		add(ring, i, SLICE(""));
	ck_assert_uint_eq(event_ring_next(ring) - event_ring_first(ring), EVENT_RING_ITEMS);
	ck_assert(!event_ring_heavy(ring));
	event_ring_free(ring);
	mem_free(names);
}
END_TEST

START_TEST(ids_ascend_though_the_clock_goes_back)
{
	struct clock_fake clock = {.wall_ms = 1000};
	struct event_ids ids = {0};
	char id[EVENT_ID_BYTES + 1];
	static const struct {
		int64_t wall_ms;
		const char *id;
	} steps[] = {
		{1000, INSTANCE ":1000-0"},
		{1000, INSTANCE ":1000-1"},
		{1001, INSTANCE ":1001-0"},
		{5, INSTANCE ":1001-1"},
		{1001, INSTANCE ":1001-2"},
		{INT64_C(9000000000000000), INSTANCE ":9000000000000000-0"},
		{1002, INSTANCE ":9000000000000000-1"},
	};

	clock_use_fake(&clock);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		clock.wall_ms = steps[i].wall_ms;
		event_id_make(&ids, INSTANCE, id);
		ck_assert_str_eq(id, steps[i].id);
		ck_assert(event_id_is(slice_str(id)));
	}
	clock_use_fake(NULL);
}
END_TEST

START_TEST(what_an_id_looks_like)
{
	static const char *const bad[] = {"", "1", INSTANCE, INSTANCE ":", INSTANCE ":1",
		INSTANCE ":1-", INSTANCE ":-1", INSTANCE "1:1-1", "0123456789ABCDEF:1-1",
		INSTANCE ":1-1 ", INSTANCE ":1-1\n", INSTANCE ":123456789012345678901-1",
		INSTANCE ":1-x"};

	ck_assert(event_id_is(SLICE(INSTANCE ":1-0")));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!event_id_is(slice_str(bad[i])), "%s", bad[i]);
	ck_assert(!event_id_is(slice_of(INSTANCE ":1-\0", 20)));
}
END_TEST

TEST_SUITE("event_ring", an_item_is_text_of_server_sent_events, places_stay_while_old_items_go,
	large_items_are_fewer, ids_ascend_though_the_clock_goes_back, what_an_id_looks_like)
