/* SPDX-License-Identifier: MIT */
/* Tags in the plan of an invalidation. */
#include <stdio.h>

#include "../cache/config.h"
#include "../unit.h"
#include "invalidate/confirm.h"
#include "invalidate/plan.h"

static const char yaml[] =
	"entities:\n"
	"  user: {field: user_id, keys: [\"user:{id}\"], tags: [\"user-{id}\", \"of:{id}\"]}\n";

static struct conf *conf;
static struct invalidation *asked;
static struct plan *plan;
static struct fault fault;

static void setup(void)
{
	conf = config_of(yaml);
	asked = invalidation_new(conf, &config_reader);
	plan = NULL;
}

static void teardown(void)
{
	plan_free(plan);
	invalidation_free(asked);
	conf_unref(conf);
}

START_TEST(a_tag_is_planned_once_and_counts_for_each_selector)
{
	setup();
	invalidation_add_tag(asked, SLICE("user-7"));
	invalidation_add_tag(asked, SLICE("user-7"));
	invalidation_add_id(asked, conf_entity(conf, SLICE("user")), SLICE("7"));
	ck_assert_int_eq(plan_new(asked, &plan, &fault), OK);
	ck_assert_uint_eq(plan->tag_count, 2);
	ck_assert_uint_eq(plan->selector_count, 2);
	ck_assert(plan->selectors[0].tagged && plan->selectors[1].tagged);
	ck_assert_str_eq(plan_selector_kind_name(plan->selectors[0].kind), "tag");
	plan_count_tag(plan, &plan->tags[0], 3, 2);
	plan_count_tag(plan, &plan->tags[1], 1, 1);
	ck_assert_uint_eq(plan->selectors[0].matched, 3);
	ck_assert_uint_eq(plan->selectors[1].matched, 4);
	ck_assert_uint_eq(plan->selectors[1].invalidated, 3);
	teardown();
}
END_TEST

START_TEST(an_invalid_tag_is_refused_with_its_pointer)
{
	setup();
	invalidation_add_tag(asked, SLICE("good"));
	invalidation_add_tag(asked, SLICE("b\nad"));
	ck_assert_int_eq(plan_new(asked, &plan, &fault), ERR_BAD_BODY);
	ck_assert_str_eq(fault.pointer, "/tags/1");
	teardown();
}
END_TEST

START_TEST(the_tags_of_entities_are_bounded)
{
	char id[16];

	setup();
	for (int i = 0; i < 501; i++) {
		int n = snprintf(id, sizeof id, "%d", i);

		invalidation_add_id(
			asked, conf_entity(conf, SLICE("user")), slice_of(id, (size_t)n));
	}
	ck_assert_int_eq(plan_new(asked, &plan, &fault), ERR_BAD_BODY);
	teardown();
}
END_TEST

START_TEST(a_confirmation_is_bound_to_the_tags)
{
	uint8_t a[SHA256_BYTES], b[SHA256_BYTES];

	setup();
	confirm_digest(asked, a);
	invalidation_add_tag(asked, SLICE("x"));
	confirm_digest(asked, b);
	ck_assert_mem_ne(a, b, sizeof a);
	teardown();
}
END_TEST

TEST_SUITE("plan_tag", a_tag_is_planned_once_and_counts_for_each_selector,
	an_invalid_tag_is_refused_with_its_pointer, the_tags_of_entities_are_bounded,
	a_confirmation_is_bound_to_the_tags)
