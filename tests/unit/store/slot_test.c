/* SPDX-License-Identifier: MIT */
#include "store/slot.h"

#include "../unit.h"
#include "base/buf.h"

START_TEST(the_examples_of_the_specification_hold)
{
	static const struct {
		const char *key;
		unsigned slot;
	} known[] = {
		{"", 0},
		{"123456789", 0x31c3},
		{"foo", 12182},
		{"bar", 5061},
		{"hello", 866},
		{"a", 15495},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		ck_assert_uint_eq(slot_of(slice_str(known[i].key)), known[i].slot);
}
END_TEST

/* The keys of each row are in one slot. */
START_TEST(the_first_tag_that_is_not_empty_decides)
{
	static const char *const same[][2] = {
		{"foo{bar}", "bar"},
		{"{user1000}.following", "{user1000}.followers"},
		{"{a}{b}", "a"},
		{"foo{bar}{zap}", "bar"},
		{"foo{{bar}}zap", "{bar"},
		{"foo}{bar}", "bar"},
	};
	/* Without a tag the whole key is hashed: its braces count. */
	static const char *const other[][2] = {
		{"{}x", "x"},
		{"foo{}{bar}", "bar"},
		{"foo{bar", "bar"},
		{"foobar}", "foobar"},
		{"{", ""},
		{"{}", ""},
	};

	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		ck_assert_uint_eq(slot_of(slice_str(same[i][0])), slot_of(slice_str(same[i][1])));
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		ck_assert_uint_ne(slot_of(slice_str(other[i][0])), slot_of(slice_str(other[i][1])));
	/* As redis-server 7 says it. */
	ck_assert_uint_eq(slot_of(SLICE("foo{}{bar}")), 8363);
}
END_TEST

START_TEST(any_byte_may_be_in_a_key)
{
	ck_assert_uint_eq(slot_of(slice_of("{\0}tail", 7)), slot_of(slice_of("\0", 1)));
	ck_assert_uint_eq(slot_of(slice_of("\0", 1)), 0);
	ck_assert_uint_eq(slot_of(slice_of("\xff", 1)), 0x1ef0 % SLOT_COUNT);
	ck_assert_uint_eq(slot_of(slice_of(NULL, 0)), 0);
}
END_TEST

START_TEST(each_slot_has_its_smallest_number)
{
	struct buf name = {0};
	unsigned largest = 0;

	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		unsigned number = slot_number(slot);

		buf_clear(&name);
		buf_printf(&name, "cw:lease:{%u}:any", number);
		ck_assert_uint_eq(slot_of(buf_slice(&name)), slot);
		largest = number > largest ? number : largest;
	}
	for (unsigned number = 0; number <= largest; number++) {
		buf_clear(&name);
		buf_printf(&name, "%u", number);
		ck_assert_uint_le(slot_number(slot_of(buf_slice(&name))), number);
	}
	buf_release(&name);
}
END_TEST

TEST_SUITE("slot", the_examples_of_the_specification_hold, the_first_tag_that_is_not_empty_decides,
	any_byte_may_be_in_a_key, each_slot_has_its_smallest_number)
