/* SPDX-License-Identifier: MIT */
#include "invalidate/confirm.h"

#include <string.h>

#include "../cache/config.h"
#include "../unit.h"
#include "base/clock.h"

static struct conf *conf;

static struct invalidation *ask(const char *first, const char *second)
{
	struct invalidation *asked = invalidation_new(conf, &config_reader);

	invalidation_add_pattern(asked, slice_str(first));
	invalidation_add_pattern(asked, slice_str(second));
	return asked;
}

START_TEST(the_order_of_selectors_does_not_matter)
{
	uint8_t one[SHA256_BYTES], two[SHA256_BYTES], three[SHA256_BYTES];

	conf = config_of("name: x\n");
	struct invalidation *a = ask("a*", "b*"), *b = ask("b*", "a*"), *c = ask("a*", "c*");
	invalidation_add_pattern(b, SLICE("a*"));
	confirm_digest(a, one);
	confirm_digest(b, two);
	confirm_digest(c, three);
	ck_assert_mem_eq(one, two, sizeof one);
	ck_assert_mem_ne(one, three, sizeof one);
	a->no_cascade = true;
	confirm_digest(a, two);
	ck_assert_mem_ne(one, two, sizeof one);
	invalidation_free(a);
	invalidation_free(b);
	invalidation_free(c);
	conf_unref(conf);
}
END_TEST

START_TEST(a_confirmation_is_bound_to_its_selectors_and_expires)
{
	struct clock_fake fake = {.mono_ns = 1000000000, .wall_ms = 0};
	uint8_t one[SHA256_BYTES] = {1}, two[SHA256_BYTES] = {2};
	char token[CONFIRM_DIGITS + 1];

	clock_use_fake(&fake);
	struct confirms *confirms = confirms_new();
	confirms_issue(confirms, one, token);
	ck_assert(confirms_valid(confirms, token, one));
	ck_assert(!confirms_valid(confirms, token, two));
	ck_assert(!confirms_valid(confirms, "", one));
	ck_assert(!confirms_valid(confirms, "0123456789abcdef0123456789abcdef", one));
	fake.mono_ns += (int64_t)CONFIRM_MS * 1000000;
	ck_assert(!confirms_valid(confirms, token, one));
	confirms_free(confirms);
	clock_use_fake(NULL);
}
END_TEST

START_TEST(the_newest_thousand_confirmations_are_kept)
{
	uint8_t digest[SHA256_BYTES] = {1};
	char first[CONFIRM_DIGITS + 1], second[CONFIRM_DIGITS + 1], other[CONFIRM_DIGITS + 1];

	struct confirms *confirms = confirms_new();
	confirms_issue(confirms, digest, first);
	confirms_issue(confirms, digest, second);
	for (int i = 0; i < CONFIRM_MAX - 1; i++)
		confirms_issue(confirms, digest, other);
	ck_assert(!confirms_valid(confirms, first, digest));
	ck_assert(confirms_valid(confirms, second, digest));
	ck_assert(confirms_valid(confirms, other, digest));
	confirms_free(confirms);
}
END_TEST

TEST_SUITE("confirm", the_order_of_selectors_does_not_matter,
	a_confirmation_is_bound_to_its_selectors_and_expires,
	the_newest_thousand_confirmations_are_kept)
