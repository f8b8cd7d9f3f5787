/* SPDX-License-Identifier: MIT */
#include "http/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "../unit.h"

static struct peer *enter(struct peers *peers, const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr other = {.sa_family = AF_UNIX};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return peers_enter(peers, (struct sockaddr *)&v4, 0);
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		return peers_enter(peers, (struct sockaddr *)&v6, 0);
	return peers_enter(peers, &other, 0);
}

START_TEST(connections_are_counted_by_address)
{
	static const char *const same[][2] = {{"10.0.0.1", "::ffff:10.0.0.1"},
		{"2001:db8::1", "2001:db8::ffff:2"}, {"unix", "unix"}};
	struct peers *peers = peers_new();

	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		struct peer *a = enter(peers, same[i][0]);
		struct peer *b = enter(peers, same[i][1]);

		ck_assert_ptr_eq(a, b);
		ck_assert_uint_eq(peer_connections(a), 2);
		peers_leave(peers, a, 0);
		ck_assert_uint_eq(peer_connections(b), 1);
		peers_leave(peers, b, 0);
	}
	struct peer *a = enter(peers, "10.0.0.1"), *b = enter(peers, "10.0.0.2");
	ck_assert_ptr_ne(a, b);
	peers_leave(peers, a, 0);
	peers_leave(peers, b, 0);
	peers_free(peers);
}
END_TEST

START_TEST(the_limits_of_an_address_outlive_its_connections)
{
	struct peers *peers = peers_new();
	struct peer *peer = enter(peers, "10.0.0.1");

	ck_assert(limit_take(peer_failures(peer), 1000, 1, 0, NULL));
	peers_leave(peers, peer, 0);
	peer = enter(peers, "10.0.0.1");
	ck_assert(!limit_take(peer_failures(peer), 1000, 1, 0, NULL));
	peers_leave(peers, peer, 2000);
	peer = enter(peers, "10.0.0.1");
	ck_assert(limit_take(peer_failures(peer), 1000, 1, 0, NULL));
	peers_leave(peers, peer, 0);
	peers_free(peers);
}
END_TEST

START_TEST(addresses_are_shown_as_they_are_counted)
{
	static const char *const cases[][2] = {{"10.0.0.1", "10.0.0.1"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"}, {"unix", "unix"}};
	struct peers *peers = peers_new();

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct peer *peer = enter(peers, cases[i][0]);
		char text[PEER_MAX_TEXT];

		peer_text(peer, text);
		ck_assert_str_eq(text, cases[i][1]);
		peers_leave(peers, peer, 0);
	}
	peers_free(peers);
}
END_TEST

START_TEST(addresses_without_connections_are_bounded)
{
	struct peers *peers = peers_new();

	for (unsigned i = 0; i < PEERS_MAX_COLD + 10; i++) {
		struct sockaddr_in address = {
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + i)};
		struct peer *peer = peers_enter(peers, (struct sockaddr *)&address, 0);

		ck_assert(limit_take(peer_failures(peer), 1000, 1, 0, NULL));
		peers_leave(peers, peer, 0);
	}
	/* The oldest have been forgotten, the newest not. */
	struct peer *peer = enter(peers, "10.0.0.0");
	ck_assert(limit_take(peer_failures(peer), 1000, 1, 0, NULL));
	peers_leave(peers, peer, 0);
	peer = enter(peers, "10.0.39.20");
	ck_assert(!limit_take(peer_failures(peer), 1000, 1, 0, NULL));
	peers_leave(peers, peer, 0);
	peers_free(peers);
}
END_TEST

TEST_SUITE("peer", connections_are_counted_by_address,
	the_limits_of_an_address_outlive_its_connections, addresses_are_shown_as_they_are_counted,
	addresses_without_connections_are_bounded)
