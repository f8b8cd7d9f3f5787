/* SPDX-License-Identifier: MIT */
#include "store/slot_claim.h"

#include "../unit.h"

#define OTHER "b1 127.0.0.1:7002@17002 master - 0 1796101722594 9 connected 100-16383\n"
#define OWN   "a1 127.0.0.1:7001@17001,name "

static enum error parse(const char *text, struct slot_claim *ret)
{
	struct fault fault;

	return slot_claim_parse(slice_str(text), ret, &fault);
}

START_TEST(the_own_line_is_read)
{
	struct slot_claim claim;

	ck_assert_int_eq(parse(OTHER OWN "myself,master - 0 0 12 connected 0-5 99 "
					 "[5->-b1] [7000-<-b1]\n",
				 &claim),
		OK);
	ck_assert_str_eq(claim.id, "a1");
	ck_assert(claim.primary);
	ck_assert_uint_eq(claim.epoch, 12);
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		ck_assert_int_eq(slot_set_has(&claim.owned, slot), slot <= 5 || slot == 99);
		ck_assert_int_eq(slot_set_has(&claim.migrating, slot), slot == 5);
		ck_assert_int_eq(slot_set_has(&claim.importing, slot), slot == 7000);
	}
}
END_TEST

START_TEST(a_replica_and_a_primary_without_slots_have_none)
{
	struct slot_claim claim;

	ck_assert_int_eq(parse(OWN "myself,slave b1 0 0 9 connected\n" OTHER, &claim), OK);
	ck_assert(!claim.primary && slot_set_empty(&claim.owned));
	ck_assert_int_eq(parse(OWN "myself,master - 0 0 0 connected\r\n", &claim), OK);
	ck_assert(claim.primary && slot_set_empty(&claim.owned));
}
END_TEST

static const char *const wrong[] = {
	"",
	OTHER,
	OWN "myself,master - 0 0 12",
	OWN "myself,master - 0 0 x connected 0-5",
	OWN "myself,master - 0 0 1 connected 0-16384",
	OWN "myself,master - 0 0 1 connected 5-4",
	OWN "myself,master - 0 0 1 connected 5-",
	OWN "myself,master - 0 0 1 connected x",
	OWN "myself,master - 0 0 1 connected [5]",
	OWN "myself,master - 0 0 1 connected [5-]",
	OWN "myself,master - 0 0 1 connected [16384->-b1]",
	OWN "myself,master - 0 0 1 connected [5-=-b1]",
	"0123456789012345678901234567890123456789012345678 h:1@2 myself,master - 0 0 1 connected 5",
};

START_TEST(damaged_lines_are_refused)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct slot_claim claim;

		ck_assert_msg(parse(wrong[i], &claim) == ERR_REDIS_PROTOCOL, "%s", wrong[i]);
	}
}
END_TEST

TEST_SUITE("slot_claim", the_own_line_is_read, a_replica_and_a_primary_without_slots_have_none,
	damaged_lines_are_refused)
