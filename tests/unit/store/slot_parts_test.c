/* SPDX-License-Identifier: MIT */
#include "store/slot_parts.h"

#include <string.h>

#include "../unit.h"

#define ADD(...) \
	pipeline_add(pipeline, sizeof((struct slice[]){__VA_ARGS__}) / sizeof(struct slice), \
		(struct slice[]){__VA_ARGS__})

static struct pipeline *pipeline;
static struct slot_parts parts;

static void begin(void)
{
	pipeline = pipeline_new();
}

static void end(void)
{
	slot_parts_release(&parts);
	pipeline_free(pipeline);
}

static void expect(size_t i, uint32_t from, uint32_t to, unsigned slot)
{
	ck_assert_uint_lt(i, parts.count);
	ck_assert_uint_eq(parts.list[i].from, from);
	ck_assert_uint_eq(parts.list[i].to, to);
	ck_assert_uint_eq(parts.list[i].slot, slot);
}

START_TEST(a_command_goes_to_the_slot_of_its_first_key)
{
	begin();
	ADD(SLICE("GET"), SLICE("a"));
	ADD(SLICE("eval"), SLICE("return 1"), SLICE("2"), SLICE("{b}1"), SLICE("{b}2"));
	ADD(SLICE("EVAL"), SLICE("return 1"), SLICE("0"), SLICE("a"));
	ADD(SLICE("PING"));
	ADD(SLICE("MEMORY"), SLICE("USAGE"), SLICE("c"));
	ADD(SLICE("RENAME"), SLICE("{d}1"), SLICE("{d}2"));
	slot_parts_find(pipeline, &parts);
	ck_assert_uint_eq(parts.count, 6);
	expect(0, 0, 1, slot_of(SLICE("a")));
	expect(1, 1, 2, slot_of(SLICE("b")));
	expect(2, 2, 3, SLOT_ANYWHERE);
	expect(3, 3, 4, SLOT_ANYWHERE);
	expect(4, 4, 5, slot_of(SLICE("c")));
	expect(5, 5, 6, slot_of(SLICE("d")));
	ck_assert_int_eq(slot_parts_only(&parts), -1);
	end();
}
END_TEST

START_TEST(a_transaction_stays_together)
{
	begin();
	ADD(SLICE("PING"));
	ADD(SLICE("WATCH"), SLICE("{a}1"));
	ADD(SLICE("EVAL"), SLICE("return 1"), SLICE("0"));
	ADD(SLICE("MULTI"));
	ADD(SLICE("SET"), SLICE("{a}2"), SLICE("v"));
	ADD(SLICE("EXEC"));
	ADD(SLICE("MULTI"));
	ADD(SLICE("TIME"));
	ADD(SLICE("GET"), SLICE("b"));
	ADD(SLICE("DISCARD"));
	ADD(SLICE("GET"), SLICE("c"));
	slot_parts_find(pipeline, &parts);
	ck_assert_uint_eq(parts.count, 4);
	expect(1, 1, 6, slot_of(SLICE("a")));
	expect(2, 6, 10, slot_of(SLICE("b")));
	expect(3, 10, 11, slot_of(SLICE("c")));
	end();
}
END_TEST

START_TEST(many_keys_are_a_part_for_each_slot)
{
	begin();
	ADD(SLICE("MGET"), SLICE("{a}1"), SLICE("{b}1"), SLICE("{a}2"));
	ADD(SLICE("UNLINK"), SLICE("{a}1"), SLICE("{a}2"));
	slot_parts_find(pipeline, &parts);
	ck_assert_uint_eq(parts.count, 3);
	ck_assert(parts.split);
	for (size_t i = 0; i < 2; i++) {
		const struct slot_part *part = &parts.list[i];

		ck_assert_uint_eq(part->from, 0);
		if (part->slot == slot_of(SLICE("a"))) {
			ck_assert_uint_eq(part->key_count, 2);
			ck_assert_uint_eq(parts.keys[part->first_key], 1);
			ck_assert_uint_eq(parts.keys[part->first_key + 1], 3);
		} else {
			ck_assert_uint_eq(part->key_count, 1);
			ck_assert_uint_eq(parts.keys[part->first_key], 2);
		}
	}
	/* All of its keys are in one slot: the command as it is. */
	expect(2, 1, 2, slot_of(SLICE("a")));
	ck_assert_uint_eq(parts.list[2].key_count, 0);
	ck_assert_int_eq(slot_parts_only(&parts), -1);
	end();
}
END_TEST

START_TEST(a_part_of_many_keys_can_be_taken_apart)
{
	begin();
	ADD(SLICE("GET"), SLICE("{a}1"));
	ADD(SLICE("MGET"), SLICE("{a}1"), SLICE("{a}2"), SLICE("{a}3"));
	slot_parts_find(pipeline, &parts);
	ck_assert_int_eq(slot_parts_only(&parts), (int)slot_of(SLICE("a")));
	ck_assert(!slot_parts_split(&parts, pipeline, 0));
	ck_assert(slot_parts_split(&parts, pipeline, 1));
	ck_assert_uint_eq(parts.count, 4);
	for (size_t i = 1; i < 4; i++) {
		expect(i, 1, 2, slot_of(SLICE("a")));
		ck_assert_uint_eq(parts.list[i].key_count, 1);
		ck_assert_uint_eq(parts.keys[parts.list[i].first_key], i);
	}
	ck_assert(!slot_parts_split(&parts, pipeline, 1));
	ck_assert_int_eq(slot_parts_only(&parts), -1);
	end();
}
END_TEST

START_TEST(commands_without_a_key_go_along)
{
	begin();
	ADD(SLICE("PING"));
	slot_parts_find(pipeline, &parts);
	ck_assert_int_eq(slot_parts_only(&parts), SLOT_ANYWHERE);
	slot_parts_release(&parts);
	ADD(SLICE("GET"), SLICE("a"));
	ADD(SLICE("PING"));
	slot_parts_find(pipeline, &parts);
	ck_assert_int_eq(slot_parts_only(&parts), (int)slot_of(SLICE("a")));
	end();
}
END_TEST

TEST_SUITE("slot_parts", a_command_goes_to_the_slot_of_its_first_key, a_transaction_stays_together,
	many_keys_are_a_part_for_each_slot, a_part_of_many_keys_can_be_taken_apart,
	commands_without_a_key_go_along)
