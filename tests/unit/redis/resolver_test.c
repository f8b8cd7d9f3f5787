/* SPDX-License-Identifier: MIT */
/*
 * Names without a name server: this program's own uv_getaddrinfo() stands before libuv's. The test
 * answers the question when it likes.
 */
#include "redis/resolver.h"

#include <arpa/inet.h>
#include <string.h>

#include "../unit.h"
#include "names.h"

static int answers, last_status;

static void answered(struct resolver *resolver, int status)
{
	(void)resolver;
	answers++;
	last_status = status;
}

static void begin(struct resolver *resolver, const char *host)
{
	resolver_init(resolver, NULL, host, 6379);
	resolver->answered = answered;
}

START_TEST(a_numeric_address_needs_no_lookup)
{
	struct resolver resolver;

	begin(&resolver, "127.0.0.1");
	ck_assert(resolver.numeric && resolver.count == 1);
	ck_assert_int_eq(resolver.addresses[0].ss_family, AF_INET);
	begin(&resolver, "::1");
	ck_assert(resolver.numeric && resolver.count == 1);
	ck_assert_int_eq(resolver.addresses[0].ss_family, AF_INET6);
	begin(&resolver, "127.0.0.1.");
	ck_assert(!resolver.numeric && resolver.count == 0);
	resolver_release(&resolver);
}
END_TEST

START_TEST(the_last_good_addresses_are_kept)
{
	struct resolver resolver;

	names_begin();
	begin(&resolver, "redis.test");
	resolver_ask(&resolver);
	resolver_ask(&resolver);
	ck_assert_int_eq(names_asked, 1);
	names_answer(0, 2, "6379");
	ck_assert_int_eq(answers, 1);
	ck_assert_int_eq(last_status, 0);
	ck_assert_uint_eq(resolver.count, 2);
	resolver_ask(&resolver);
	names_answer(UV_EAI_AGAIN, 0, "6379");
	ck_assert_int_eq(last_status, UV_EAI_AGAIN);
	ck_assert_uint_eq(resolver.count, 2);
	/* No more than there is room for. */
	resolver_ask(&resolver);
	names_answer(0, RESOLVER_MAX_ADDRESSES + 1, "6379");
	ck_assert_uint_eq(resolver.count, RESOLVER_MAX_ADDRESSES);
	resolver_release(&resolver);
}
END_TEST

START_TEST(after_the_release_nothing_is_called)
{
	struct resolver resolver;

	names_begin();
	begin(&resolver, "redis.test");
	resolver_ask(&resolver);
	resolver_release(&resolver);
	names_answer(0, 1, "6379");
	ck_assert_int_eq(answers, 0);
}
END_TEST

START_TEST(a_lookup_that_cannot_start_can_be_repeated)
{
	struct resolver resolver;

	names_begin();
	names_refuse = UV_EINVAL;
	begin(&resolver, "redis.test");
	resolver_ask(&resolver);
	ck_assert_ptr_null(resolver.query);
	names_refuse = 0;
	resolver_ask(&resolver);
	names_answer(0, 1, "6379");
	ck_assert_uint_eq(resolver.count, 1);
	resolver_release(&resolver);
}
END_TEST

TEST_SUITE("resolver", a_numeric_address_needs_no_lookup, the_last_good_addresses_are_kept,
	after_the_release_nothing_is_called, a_lookup_that_cannot_start_can_be_repeated)
