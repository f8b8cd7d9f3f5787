/* SPDX-License-Identifier: MIT */
/* The budget of answers in flight, to the byte. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "../unit.h"
#include "http/reply.h"
#include "http/server_internal.h"

enum { most = 100000, share = most / 4, small = 4096, requests = 8 };

static const struct route reading = {.method = "GET", .path = "/r"},
			  writing = {.method = "PUT", .path = "/r"},
			  open_route = {.method = "GET", .path = "/o", .flags = ROUTE_OPEN},
			  asking = {.method = "GET", .path = "/a", .flags = ROUTE_ROOM};

static struct conf conf;
static struct http_server server;
static struct peers *peers;
static struct connection connections[requests];
static struct request all[requests];

/* Request i is of address 10.0.0.i; those of `unix_from` on come over a Unix socket. */
static void begin(size_t unix_from)
{
	memset(&server, 0, sizeof server);
	memset(all, 0, sizeof all);
	conf.limits.reply_bytes = most;
	peers = peers_new();
	for (size_t i = 0; i < requests; i++) {
		struct sockaddr_in v4 = {
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + (uint32_t)i)};
		struct sockaddr local = {.sa_family = AF_UNIX};

		connections[i].peer =
			peers_enter(peers, i < unix_from ? (struct sockaddr *)&v4 : &local, 0);
		all[i].server = &server;
		all[i].conf = &conf;
		all[i].connection = &connections[i];
	}
}

static void end(void)
{
	for (size_t i = 0; i < requests; i++) {
		reply_room_release(&all[i]);
		ck_assert_uint_eq(all[i].reply_charged, 0);
	}
	ck_assert_uint_eq(server.reply_bytes, 0);
	for (size_t i = 0; i < requests; i++) {
		ck_assert_uint_eq(*peer_reply_bytes(connections[i].peer), 0);
		peers_leave(peers, connections[i].peer, 0);
	}
	peers_free(peers);
}

static void takes(size_t i, size_t bytes)
{
	ck_assert_int_eq(reply_claim(&all[i], bytes, NULL), OK);
}

static void refused(size_t i, size_t bytes, const char *word)
{
	size_t before = server.reply_bytes, claimed = all[i].reply_charged;
	struct fault fault;

	ck_assert_int_eq(reply_claim(&all[i], bytes, &fault), ERR_OVERLOADED);
	ck_assert_ptr_nonnull(strstr(fault.detail, word));
	ck_assert(server.reply_bytes == before && all[i].reply_charged == claimed);
}

START_TEST(small_answers_and_a_single_large_one_are_served)
{
	begin(requests);
	takes(0, small);
	ck_assert_uint_eq(server.reply_bytes, 0);
	takes(0, small + 1);
	ck_assert_uint_eq(server.reply_bytes, small + 1);
	/* What is known better replaces what was claimed. */
	takes(0, 2 * most);
	ck_assert_uint_eq(server.reply_bytes, 2 * most);
	takes(1, small);
	refused(1, small + 1, "limits.reply_bytes): try");
	takes(0, 9000);
	ck_assert_uint_eq(server.reply_bytes, 9000);
	takes(0, 1);
	ck_assert_uint_eq(server.reply_bytes, 0);
	reply_room_force(&all[2], small);
	ck_assert_uint_eq(server.reply_bytes, 0);
	reply_room_force(&all[2], 3 * most);
	reply_room_force(&all[3], small + 1);
	ck_assert_uint_eq(server.reply_bytes, 3 * most + small + 1);
	end();
}
END_TEST

START_TEST(an_address_has_a_quarter_and_all_together_the_whole)
{
	begin(requests);
	all[1].connection = &connections[0];
	takes(0, 10000);
	takes(1, share - 10000);
	reply_room_release(&all[1]);
	refused(1, share - 10000 + 1, "this address");
	takes(0, share - 1);
	refused(1, small + 1, "this address");
	reply_room_release(&all[0]);
	for (size_t i = 2; i < 6; i++)
		takes(i, 24000);
	refused(6, 5000, "limits.reply_bytes): try");
	takes(5, 23000);
	refused(6, 5001, "limits.reply_bytes): try");
	takes(6, 5000);
	ck_assert_uint_eq(server.reply_bytes, most);
	refused(7, small + 1, "limits.reply_bytes): try");
	end();
}
END_TEST

START_TEST(a_unix_socket_has_no_share)
{
	begin(2);
	takes(2, 60000);
	takes(3, 40000);
	reply_room_release(&all[3]);
	refused(3, 40001, "this address");
	end();
}
END_TEST

START_TEST(the_remaining_room_is_reported)
{
	begin(requests);
	all[1].connection = &connections[0];
	ck_assert_uint_eq(reply_room(&all[0]), SIZE_MAX);
	takes(0, 10000);
	/* Its own claim is no hindrance. */
	ck_assert_uint_eq(reply_room(&all[0]), SIZE_MAX);
	ck_assert_uint_eq(reply_room(&all[1]), share - 10000);
	ck_assert_uint_eq(reply_room(&all[2]), most - 10000);
	takes(0, share - small - 1);
	ck_assert_uint_eq(reply_room(&all[1]), small + 1);
	reply_room_force(&all[0], share);
	ck_assert_uint_eq(reply_room(&all[1]), small);
	reply_room_force(&all[0], share + 1);
	ck_assert_uint_eq(reply_room(&all[1]), small);
	reply_room_force(&all[2], most - 30000);
	/* Less is left than of the share. */
	reply_room_force(&all[0], 20000);
	ck_assert_uint_eq(reply_room(&all[1]), 5000);
	reply_room_force(&all[2], most);
	ck_assert_uint_eq(reply_room(&all[3]), small);
	ck_assert_uint_eq(reply_room(&all[1]), small);
	end();
}
END_TEST

static enum error admit(size_t i, const struct route *route)
{
	struct fault fault;

	all[i].match.route = route;
	all[i].head.method = slice_str(route->method);
	return reply_room_admit(&all[i], &fault);
}

START_TEST(a_client_that_reads_nothing_gets_no_more)
{
	begin(requests);
	all[1].connection = &connections[0];
	reply_room_force(&all[0], share - 1);
	ck_assert_int_eq(admit(1, &reading), OK);
	reply_room_force(&all[0], share);
	ck_assert_int_eq(admit(1, &reading), ERR_OVERLOADED);
	ck_assert_int_eq(admit(1, &writing), ERR_OVERLOADED);
	ck_assert_int_eq(admit(1, &open_route), OK);
	ck_assert_int_eq(admit(1, &asking), OK);
	reply_room_force(&all[2], most - share - 1);
	ck_assert_int_eq(admit(3, &reading), OK);
	reply_room_force(&all[2], most - share);
	ck_assert_int_eq(admit(3, &reading), ERR_OVERLOADED);
	/* What changes something is not refused for what others do. */
	ck_assert_int_eq(admit(3, &writing), OK);
	end();
}
END_TEST

TEST_SUITE("reply_room", small_answers_and_a_single_large_one_are_served,
	an_address_has_a_quarter_and_all_together_the_whole, a_unix_socket_has_no_share,
	the_remaining_room_is_reported, a_client_that_reads_nothing_gets_no_more)
