/* SPDX-License-Identifier: MIT */
#include "cache/key_watch.h"

#include "../unit.h"

static struct key_watches watches;
static int a, b, seen_a, seen_b;

static void on_seen(void *context, const struct key_watch *watch)
{
	(void)context;
	seen_a += watch->owner == &a;
	seen_b += watch->owner == &b;
}

static void begin(void)
{
	watches = (struct key_watches){.on_seen = on_seen};
	seen_a = seen_b = 0;
	key_watches_add(&watches, SLICE("p:*"), &a);
	key_watches_add(&watches, SLICE("q:?"), &a);
	key_watches_add(&watches, SLICE("p:1*"), &b);
}

START_TEST(a_watch_tells_its_first_match)
{
	begin();
	key_watches_see(&watches, SLICE("p:2"));
	key_watches_see(&watches, SLICE("p:3"));
	key_watches_see(&watches, SLICE("other"));
	ck_assert_int_eq(seen_a, 1);
	ck_assert_int_eq(seen_b, 0);
	key_watches_see(&watches, SLICE("p:12"));
	ck_assert_int_eq(seen_b, 1);
	key_watches_see(&watches, SLICE("q:1"));
	ck_assert_int_eq(seen_a, 2);
	key_watches_release(&watches);
}
END_TEST

START_TEST(it_sees_again_after_a_reset)
{
	begin();
	ck_assert(!key_watches_reset(&watches, &a));
	key_watches_see(&watches, SLICE("p:12"));
	ck_assert(key_watches_reset(&watches, &a));
	ck_assert(!key_watches_reset(&watches, &a));
	key_watches_see(&watches, SLICE("p:12"));
	ck_assert_int_eq(seen_a, 2);
	ck_assert_int_eq(seen_b, 1);
	key_watches_release(&watches);
	key_watches_see(&watches, SLICE("p:12"));
	key_watches_see(NULL, SLICE("p:12"));
	ck_assert_int_eq(seen_a, 2);
}
END_TEST

TEST_SUITE("key_watch", a_watch_tells_its_first_match, it_sees_again_after_a_reset)
