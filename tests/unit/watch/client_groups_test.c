/* SPDX-License-Identifier: MIT */
#include "watch/client_groups.h"

#include <stdio.h>

#include "../unit.h"

START_TEST(connections_are_added_up)
{
	const struct client_group *const *sorted;
	struct client_groups *groups = client_groups_new();

	client_groups_add(groups,
		SLICE("id=1 addr=10.0.0.1:5000 name=shop age=10 idle=3 flags=N db=0 sub=0 psub=0 "
		      "multi=-1 omem=5 tot-mem=100 cmd=get user=app lib-name=redis-py\n"
		      "id=2 addr=10.0.0.1:5001 name=shop age=7 idle=1 flags=b sub=1 psub=2 multi=0 "
		      "omem=0 tot-mem=50 user=app lib-name=redis-py\n"
		      "id=3 addr=[::1]:5002 name= age=1 idle=9 flags=S\n"));
	client_groups_add(groups, SLICE("id=9 addr=/tmp/r.sock:0 name=x idle=-4 tot-mem=x\n\n=\n"));
	ck_assert_uint_eq(client_groups_sorted(groups, &sorted), 4);
	const struct client_group *shop = sorted[0];

	ck_assert(slice_is(shop->name, "shop") && slice_is(shop->address, "10.0.0.1") &&
		  slice_is(shop->user, "app") && slice_is(shop->library, "redis-py"));
	ck_assert_int_eq(shop->connections, 2);
	ck_assert_int_eq(shop->blocked, 1);
	ck_assert_int_eq(shop->subscribed, 1);
	ck_assert_int_eq(shop->in_transaction, 1);
	ck_assert_int_eq(shop->age_seconds, 10);
	ck_assert_int_eq(shop->idle_seconds, 1);
	ck_assert_int_eq(shop->memory_bytes, 150);
	ck_assert_int_eq(shop->output_bytes, 5);
	ck_assert(slice_is(sorted[1]->address, "") && slice_is(sorted[2]->address, "[::1]") &&
		  slice_is(sorted[3]->address, "/tmp/r.sock"));
	ck_assert_int_eq(sorted[2]->replicas, 1);
	ck_assert_int_eq(sorted[3]->idle_seconds, -1);
	ck_assert_int_eq(sorted[3]->memory_bytes, -1);
	client_groups_free(groups);
}
END_TEST

START_TEST(groups_are_bounded)
{
	const struct client_group *const *sorted;
	struct client_groups *groups = client_groups_new();
	struct buf list = {0};

	for (int i = 0; i < 5000; i++)
		buf_printf(&list, "id=%d addr=1.2.3.4:%d name=n%d age=1\n", i, i, i);
	client_groups_add(groups, buf_slice(&list));
	size_t count = client_groups_sorted(groups, &sorted);

	ck_assert_uint_eq(count, CLIENT_GROUPS_MAX + 1);
	ck_assert(sorted[count - 1]->rest);
	ck_assert_int_eq(sorted[count - 1]->connections, 5000 - CLIENT_GROUPS_MAX);
	buf_release(&list);
	client_groups_free(groups);
}
END_TEST

TEST_SUITE("client_groups", connections_are_added_up, groups_are_bounded)
