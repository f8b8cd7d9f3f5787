/* SPDX-License-Identifier: MIT */
#include "watch/namespace_slots.h"

#include <stdio.h>

#include "../unit.h"
#include "value.h"

START_TEST(the_sample_tells_where_servers_do_not)
{
	struct namespace_slots slots = {0};
	char key[32];

	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof key, "k:%d", i);
		namespace_slots_add(&slots, slice_str(key));
		if (i % 10 == 0)
			namespace_slots_add(&slots, SLICE("{same}:1"));
	}
	namespace_slots_end(&slots);
	ck_assert(!slots.told);
	ck_assert_uint_eq(slots.largest_count, NAMESPACE_SLOTS_MAX);
	ck_assert_uint_eq(slots.largest[0].slot, slot_of(SLICE("{same}:1")));
	ck_assert_uint_ge(slots.largest[0].keys, 300);
	for (size_t i = 1; i < slots.largest_count; i++)
		ck_assert_uint_le(slots.largest[i].keys, slots.largest[i - 1].keys);
	ck_assert_uint_eq(slots.busiest_count, 0);
	namespace_slots_release(&slots);
}
END_TEST

START_TEST(what_servers_tell_comes_first)
{
	struct namespace_slots slots = {0};

	namespace_slots_add(&slots, SLICE("a"));
	ck_assert(namespace_slots_tell(&slots,
		LIST(LIST(NUMBER(7),
			     LIST(TEXT("key-count"), NUMBER(10), TEXT("cpu-usec"), NUMBER(5),
				     TEXT("network-bytes-in"), NUMBER(1), TEXT("network-bytes-out"),
				     NUMBER(2), TEXT("new"), NUMBER(3))),
			LIST(NUMBER(8), LIST(TEXT("key-count"), NUMBER(20))))));
	ck_assert(namespace_slots_tell(&slots,
		LIST(LIST(NUMBER(16383),
			     LIST(TEXT("key-count"), NUMBER(15), TEXT("cpu-usec"), NUMBER(50))),
			LIST(NUMBER(7), LIST(TEXT("key-count"), NUMBER(10))))));
	namespace_slots_end(&slots);
	ck_assert_uint_eq(slots.largest_count, 3);
	ck_assert_uint_eq(slots.largest[0].slot, 8);
	ck_assert_uint_eq(slots.largest[1].slot, 16383);
	ck_assert_uint_eq(slots.largest[2].keys, 10);
	ck_assert_int_eq(slots.largest[2].out_bytes, 2);
	ck_assert_uint_eq(slots.busiest_count, 2);
	ck_assert_uint_eq(slots.busiest[0].slot, 16383);
	namespace_slots_release(&slots);
}
END_TEST

START_TEST(other_replies_are_refused)
{
	struct redis_value *const bad[] = {TEXT("x"), NUMBER(1), LIST(NUMBER(1)),
		LIST(LIST(NUMBER(16384), LIST(NUMBER(1)))), LIST(LIST(NUMBER(-1), LIST(NUMBER(1)))),
		LIST(LIST(TEXT("1"), LIST(NUMBER(1)))), LIST(LIST(NUMBER(1), NUMBER(1)))};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct namespace_slots slots = {0};

		ck_assert(!namespace_slots_tell(&slots, bad[i]));
		ck_assert(!slots.told);
	}
}
END_TEST

TEST_SUITE("namespace_slots", the_sample_tells_where_servers_do_not, what_servers_tell_comes_first,
	other_replies_are_refused)
